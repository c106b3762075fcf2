// Speaks IMAP to another server, as far as copying an account from there needs it.
//
// Every call blocks until the server has answered. Messages are never held in memory: their octets
// go to a sink as they come. After an error that is temporary the connection is over, unless the
// server itself has refused a command.
//
// STANDARDS  RFC 3501 and RFC 9051 (either), RFC 8314 section 3.2 and RFC 2595 section 3.1 (TLS),
//            RFC 4422 (SASL), RFC 2342 (NAMESPACE), RFC 6154 section 5.3 (special use in LIST)
// LIMITS     answer_line_bytes_max a line, answer_bytes_max an answer with its short literals,
//            copied_octets_max a message, answer_time_max for each wait
// SEE ALSO   answers.h (the grammar)
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/loop.h"
#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/net/connection.h"
#include "imapd/client/answers.h"

namespace pennypost {
class Config;
}

namespace pennypost::imap {

inline constexpr std::size_t answer_line_bytes_max = 1 << 20;
inline constexpr std::size_t answer_bytes_max = 4 << 20;
inline constexpr std::uint64_t copied_octets_max = 1 << 30;
inline constexpr std::chrono::seconds connect_time_max{60};
inline constexpr std::chrono::seconds answer_time_max{300};
inline constexpr std::size_t remote_folders_max = 10'000;
inline constexpr std::size_t remote_messages_max = 1'000'000;

/// Where the server is, and how its connection is protected; there is always TLS.
struct RemoteServer {
  std::string host;
  std::uint16_t port = 993;
  bool starts_tls = false;         // STARTTLS in place of TLS from the start
  bool checks_certificate = true;  // for `host`, by ca_file or the system's authorities
  std::string ca_file;             // PEM
};

/// Takes the octets of a message in pieces; an Error ends the conversation.
class OctetSink {
 public:
  virtual ~OctetSink() = default;
  /// A message of so many octets begins.
  virtual Result<void> begin(std::uint64_t octets) = 0;
  virtual Result<void> add(std::string_view octets) = 0;
};

class ImapClient {
 public:
  /// Connects, and looks the name up by the host's own DNS settings. Errors name the server.
  static Result<std::unique_ptr<ImapClient>> connect(const Config& config,
                                                     const RemoteServer& server);
  /// For tests: over a stream that is connected.
  static Result<std::unique_ptr<ImapClient>> over(std::unique_ptr<Loop> loop,
                                                  std::unique_ptr<Stream> stream);
  ~ImapClient();

  /// By SCRAM-SHA-256, PLAIN or LOGIN, what the server has of them. Error 535: it refuses.
  Result<void> log_in(const std::string& login, const Secret& password);

  /// All folders that it lists, and the names of those that are subscribed.
  Result<std::vector<ListedFolder>> folders();
  Result<std::vector<std::string>> subscriptions();
  /// Empty where the server has no NAMESPACE.
  Result<Namespaces> namespaces();

  struct OpenedFolder {
    std::uint32_t uid_validity = 0;
    std::uint32_t messages = 0;
  };
  /// By EXAMINE, so that nothing there changes. `name` as folders() gave it.
  Result<OpenedFolder> open(const std::string& name);

  struct SizedMessage {
    std::uint32_t uid = 0;
    std::uint64_t octets = 0;
  };
  /// The messages of the folder whose UIDs are greater than `after`, ascending.
  Result<std::vector<SizedMessage>> messages_after(std::uint32_t after);

  /// What `use` gets has no text: that went to `sink` before. Messages that are gone meanwhile are
  /// left out; their order is the server's. `uids` ascending.
  using OnMessage = std::function<Result<void>(FetchedMessage)>;
  Result<void> fetch(const std::vector<std::uint32_t>& uids, OctetSink& sink, const OnMessage& use);

  /// Says goodbye; never fails.
  void log_out();

 private:
  ImapClient(std::unique_ptr<Loop> loop, std::string name);
  using OnAnswer = std::function<Result<void>(std::string_view)>;

  Task<Result<void>> reach(const Config& config, const RemoteServer& server);
  Task<Result<void>> encrypt(const RemoteServer& server);
  Result<void> greet();
  Result<void> ask_capabilities();
  bool can(std::string_view capability) const;
  Result<void> authenticate(const std::string& mechanism, const std::string& login,
                            const Secret& password);

  /// Sends a command and reads to the end of its answer. Error 550 or 451: the server says NO or
  /// BAD; others end the conversation.
  Result<void> run(const std::string& command, const OnAnswer& use, OctetSink* sink = nullptr);
  Task<Result<void>> send(std::string text);
  /// One answer, with its tag or `*`, `+`.
  Result<std::string> next(OctetSink* sink = nullptr);
  Task<Result<std::string>> read(OctetSink* sink);
  Task<Result<void>> read_octets(std::uint64_t octets, OctetSink& sink);
  Result<void> outcome(std::string_view answer, std::string_view command) const;
  /// What went wrong, with the server's name before it.
  Error failure(int code, const std::string& what) const;
  /// Runs a task to its end; a lost connection becomes an Error.
  template <class T>
  Result<T> finish(Task<Result<T>> task);

  std::unique_ptr<Loop> loop_;
  std::string name_;
  Limits limits_;
  std::unique_ptr<Connection> connection_;
  std::vector<std::string> capabilities_;
  bool is_logged_in_ = false;
  bool is_in_sink_ = false;  // the text of the message in the last answer
  unsigned commands_ = 0;
};

}  // namespace pennypost::imap
