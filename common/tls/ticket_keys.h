// Holds the keys for TLS session tickets, which change every tls_session_ticket_lifetime and are
// then forgotten.
//
// They are in one page of memory that the master shares with its children, so all processes accept
// each other's tickets. When the master adds a new key, it erases the key before the last, which
// then exists nowhere. So an attacker who takes over the host later can't decrypt traffic recorded
// earlier (RFC 8446 appendix E.1.2, RFC 9325 section 4.1.2). New tickets are made with the newest
// key; those of the previous key are still accepted. No ticket is valid for longer than its session
// (TlsContext).
//
// The page is neither swapped out nor written to a core file.
//
// SEE ALSO   context.h
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

struct ssl_ctx_st;

namespace pennypost {

class TicketKeys {
 public:
  static constexpr std::size_t name_bytes = 16;
  struct Key {
    std::array<unsigned char, name_bytes> name;  // identifies the key in a ticket
    std::array<unsigned char, 32> cipher;        // AES-256-CBC
    std::array<unsigned char, 32> mac;           // HMAC-SHA-256
    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();  // wiped
  };
  struct Found {
    Key key;
    bool is_newest = false;
  };

  /// Starts with one key. Throws std::bad_alloc if there is no memory for it.
  static std::shared_ptr<TicketKeys> create();
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// A new key becomes the newest, for all processes; the one before the last is wiped.
  void rotate();
  /// In a child: can only read the page from now on or, if it accepts no connections, not even
  /// that.
  void only_read();
  void forget();

  std::optional<Found> newest() const;
  std::optional<Found> named(std::span<const unsigned char, name_bytes> name) const;

  /// Tickets of this context are made and read with these keys, which must outlive it.
  void serve(ssl_ctx_st* context);

 private:
  struct Page;
  explicit TicketKeys(Page* page) : page_(page) {}
  std::optional<std::array<Key, 2>> read() const;
  Page* page_;
};

}  // namespace pennypost
