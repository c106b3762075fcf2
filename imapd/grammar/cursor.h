// Reads the tokens of a command one after another.
//
// A command is one text with its literals in place, as CommandAssembler gives it: `{3}CRLF` and
// three bytes. Each function reads one token at the cursor, or answers Error 501 with what was
// expected; after an error the command is lost, and so is the cursor's place. Tokens are copies.
//
// STANDARDS  RFC 9051 section 9 and RFC 3501 section 9 (formal syntax), RFC 7888 (non-synchronizing
//            literals), RFC 3516 section 7 (literal8)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "imapd/grammar/limits.h"
#include "imapd/grammar/sequence_set.h"

namespace pennypost::imap {

/// atom-specials of RFC 9051 section 9: what an atom can't hold.
constexpr bool is_atom_char(char c) {
  auto byte = static_cast<unsigned char>(c);
  if (byte <= 0x20 || byte >= 0x7f) return false;
  switch (c) {
    case '(':
    case ')':
    case '{':
    case '%':
    case '*':
    case '"':
    case '\\':
    case ']':
      return false;
    default:
      return true;
  }
}
constexpr bool is_astring_char(char c) { return is_atom_char(c) || c == ']'; }
constexpr bool is_list_char(char c) { return is_astring_char(c) || c == '%' || c == '*'; }
constexpr bool is_tag_char(char c) { return is_astring_char(c) && c != '+'; }

/// `{123}`, `{123+}`, `~{123}`: what stands at the end of a line before a literal's bytes.
struct LiteralHeader {
  std::uint64_t bytes = 0;
  /// The client waits for our `+` before it sends the bytes.
  bool synchronizing = true;
  /// literal8: the bytes may hold NUL.
  bool binary = false;
  /// Length of the header's own text.
  std::size_t header_bytes = 0;
};

/// The header at the end of `line` (which has no CRLF); nothing if there is none.
std::optional<LiteralHeader> literal_at_end(std::string_view line);

class Cursor {
 public:
  Cursor(std::string_view bytes, const Limits& limits) : rest_(bytes), limits_(limits) {}

  const Limits& limits() const { return limits_; }
  std::string_view rest() const { return rest_; }
  bool at_end() const { return rest_.empty(); }
  bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  /// Takes `c` if it stands here.
  bool skip(char c);
  /// Takes `word` if it stands here, in any case, and no atom-char follows it.
  bool skip_word(std::string_view word);

  Result<void> expect(char c);
  /// One space, or several, as old clients send.
  Result<void> space();
  /// Whether another item of a list stands behind a space or several, which are taken then, and
  /// before a parenthesis that closes the list.
  bool next_item();
  /// Spaces where the grammar has none, which some clients put inside parentheses.
  void skip_spaces() {
    while (skip(' ')) {
    }
  }
  /// Nothing may be left.
  Result<void> end();

  Result<std::string> atom();
  /// An atom made of letters, digits and `-`, `.`, `/`, `_`, in upper case: a keyword of the
  /// protocol.
  Result<std::string> keyword();
  Result<std::string> quoted();
  Result<std::string> literal();
  /// quoted or literal.
  Result<std::string> string();
  Result<std::string> astring();
  /// `NIL` or string; nothing for NIL.
  Result<std::optional<std::string>> nstring();
  /// list-mailbox: an astring that may hold `%` and `*`.
  Result<std::string> list_mailbox();
  /// A mailbox name; INBOX in any case becomes `INBOX` (RFC 9051 section 5.1).
  Result<std::string> mailbox();
  /// number: 32 bits.
  Result<std::uint32_t> number();
  Result<std::uint32_t> nz_number();
  /// number64 (RFC 9051 section 9: 63 bits).
  Result<std::uint64_t> number64();
  Result<SequenceSet> sequence_set();
  /// `\Seen`, `$Forwarded`, `word`: system flags in their standard spelling.
  Result<std::string> flag();
  /// `(flag flag)`, perhaps empty.
  Result<std::vector<std::string>> flag_list();

 private:
  std::string_view rest_;
  const Limits& limits_;
};

/// 501 for what should be a date and is none; `example` is one.
Error invalid_date(std::string_view text, std::string_view example);

/// `\seen` -> `\Seen`; other flags as they are.
std::string canonical_flag(std::string_view flag);

}  // namespace pennypost::imap
