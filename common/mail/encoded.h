// Decodes and encodes mail text: RFC 2047 words, quoted-printable, base64, modified UTF-7.
//
// The body decoders are streams: the sizes of the pieces do not change the result. Like other mail
// programs they accept bad input: text that is not encoded is kept, or dropped if it can't mean
// anything.
//
// STANDARDS  RFC 2045 sections 6.7 and 6.8, RFC 2047, RFC 2231 section 5 (language in encoded
//            words), RFC 3501 section 5.1.3 (modified UTF-7)
// SEE ALSO   charset.h (from octets to UTF-8)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pennypost {

/// Content-Transfer-Encoding.
enum class TransferEncoding { Identity, QuotedPrintable, Base64 };

/// 7bit, 8bit and binary are Identity, ignoring case and blanks; nothing if it is unknown.
std::optional<TransferEncoding> parse_transfer_encoding(std::string_view text);

/// Decodes a body in pieces.
class BodyDecoder {
 public:
  explicit BodyDecoder(TransferEncoding encoding) : encoding_(encoding) {}

  /// Appends to `out` the decoded octets of `piece`, as far as they are known yet.
  void feed(std::string_view piece, std::string& out);
  /// At the end of the body, appends what was held back.
  void finish(std::string& out);

 private:
  void feed_quoted_printable(std::string_view piece, std::string& out);
  void feed_base64(std::string_view piece, std::string& out);

  void end_group(std::string& out);

  TransferEncoding encoding_;
  std::string held_;  // quoted-printable: an escape or blanks whose meaning depends on what follows
  std::uint32_t group_ = 0;  // base64: the digits of an unfinished group
  int group_digits_ = 0;
};

/// Decodes a whole body at once.
std::string decode_body(TransferEncoding encoding, std::string_view body);

/// Text in quoted-printable, with lines of at most 76 octets; keeps line ends (RFC 2045 section
/// 6.7).
std::string encode_quoted_printable(std::string_view text, std::string_view line_end = "\r\n");

/// A field's unfolded body as UTF-8: encoded words are decoded, except for words of unknown charset
/// or encoding, and octets that are not UTF-8 are read as Windows-1252. Blanks between two encoded
/// words are removed (RFC 2047 section 6.2), and a character split between two words of the same
/// charset is joined again.
std::string decode_words(std::string_view text);

/// UTF-8 as encoded words of at most 75 octets, separated by blanks (RFC 2047 section 2).
std::string encode_words(std::string_view text);

/// An IMAP4rev1 mailbox name to UTF-8; nothing if it is not canonical modified UTF-7.
std::optional<std::string> decode_utf7(std::string_view name);
/// UTF-8 to an IMAP4rev1 mailbox name; nothing if it is not UTF-8.
std::optional<std::string> encode_utf7(std::string_view name);

}  // namespace pennypost
