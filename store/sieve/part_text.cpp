// Decodes first the transfer encoding, then the charset.
#include "store/sieve/part_text.h"

#include "common/mail/charset.h"
#include "common/mail/encoded.h"
#include "store/sieve/html_text.h"

namespace pennypost::store::sieve {
namespace {

bool is_xhtml(const MimePart& part) { return part.is("application", "xhtml+xml"); }

}  // namespace

bool is_searchable_text(const MimePart& part) {
  bool is_known = !part.encoding || parse_transfer_encoding(*part.encoding);
  bool is_type = part.subtype.find('/') == std::string::npos;
  return part.kind == MimePart::Kind::Leaf && is_known && is_type &&
         (part.is_text() || is_xhtml(part));
}

std::string searchable_text(std::string_view message, const MimePart& part) {
  auto text = part_text(message, part);
  return part.is("text", "html") || is_xhtml(part) ? html_text(text) : text;
}

std::string part_text(std::string_view message, const MimePart& part) {
  auto octets =
      decode_body(part.transfer_encoding(), message.substr(part.body.offset, part.body.bytes));
  if (!part.is_text() && !is_xhtml(part)) return octets;
  auto text = to_utf8(part.charset(), octets);
  return text ? *std::move(text) : guessed_utf8(octets);
}

}  // namespace pennypost::store::sieve
