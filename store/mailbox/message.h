// Describes a stored message without its text (UID, flags, keywords), and a message to be stored.
//
// STANDARDS  RFC 9051 section 2.3 (message attributes), RFC 7162 section 3.1 (mod-sequences)
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/strong.h"

namespace pennypost::store {

/// RFC 9051 section 2.3.1.1: never 0, ascending within a mailbox, never used again.
using Uid = Strong<struct UidTag, std::uint32_t>;
/// RFC 7162 section 3.1: grows with each change of a mailbox.
using ModSeq = Strong<struct ModSeqTag, std::uint64_t>;

/// The system flags of RFC 9051 section 2.3.2, without \Recent, which belongs to a session
/// (Mailbox::is_recent), and Maildir's "passed", which is kept in the name but has no meaning here.
class Flags {
 public:
  enum Bit : std::uint8_t { Answered = 1, Flagged = 2, Deleted = 4, Seen = 8, Draft = 16 };
  static constexpr std::uint8_t all_bits = 31;

  constexpr Flags() = default;
  constexpr Flags(Bit bit) : bits_(bit) {}  // NOLINT: a single flag is a set of flags
  constexpr explicit Flags(std::uint8_t bits) : bits_(bits & all_bits) {}

  constexpr bool has(Bit bit) const { return (bits_ & bit) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr std::uint8_t bits() const { return bits_; }
  constexpr Flags operator|(Flags other) const { return of(bits_ | other.bits_); }
  constexpr Flags operator-(Flags other) const { return of(bits_ & ~other.bits_); }
  friend constexpr bool operator==(Flags, Flags) = default;

 private:
  static constexpr Flags of(int bits) { return Flags(static_cast<std::uint8_t>(bits)); }
  std::uint8_t bits_ = 0;
};
constexpr Flags operator|(Flags::Bit a, Flags::Bit b) { return Flags(a) | Flags(b); }

/// A set of up to 26 keywords; bit N stands for Mailbox::keywords()[N]. The numbers are fixed for
/// as long as the mailbox exists (dovecot-keywords), so sets of different mailboxes can't be
/// compared.
using KeywordSet = std::uint32_t;
constexpr std::size_t keywords_per_mailbox_max = 26;

/// One message of an open mailbox, as the last sync() saw it.
struct Message {
  Uid uid;
  Flags flags;
  KeywordSet keywords = 0;
  ModSeq modseq{1};
};

/// Bytes of a file that the caller keeps open and unchanged; read with pread().
struct FileRange {
  int descriptor = -1;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
/// A message as a sequence of pieces, so that it can be edited without copying its body. Lines may
/// end in CRLF or LF; both are stored as LF and read back as CRLF.
using Piece = std::variant<std::string_view, FileRange>;
using Pieces = std::vector<Piece>;

/// A message for APPEND (RFC 9051 section 6.3.12).
struct NewMessage {
  Pieces body;
  Flags flags;
  std::vector<std::string> keywords;
  std::optional<std::int64_t> internal_date;  ///< seconds since 1970; nothing: now
  /// The size as stored of a message that will be removed once this one is there (RFC 8508): the
  /// quota does not count both.
  std::optional<std::uint64_t> replaced_bytes;
};

}  // namespace pennypost::store
