#include "smtpd/delivery/seven_bit.h"

#include <algorithm>
#include <vector>

#include "common/base/text.h"
#include "common/mail/binary_parts.h"
#include "common/mail/charset.h"
#include "common/mail/encoded.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"
#include "common/mail/mime_field.h"

namespace pennypost::smtp {
namespace {

bool is_base64_line(std::string_view line) {
  return std::ranges::all_of(
      line, [](char c) { return is_alnum(c) || c == '+' || c == '/' || c == '=' || is_space(c); });
}

/// Decodes base64 that is followed by plain text, such as a list's footer: decodes the lines up to
/// the first that is not base64 and keeps the rest unchanged.
std::string decode_leading_base64(std::string_view body) {
  std::size_t end = 0;
  while (end < body.size()) {
    auto line_end = std::min(body.find('\n', end), body.size() - 1) + 1;
    if (!is_base64_line(body.substr(end, line_end - end))) break;
    end = line_end;
  }
  auto content = decode_body(TransferEncoding::Base64, body.substr(0, end));
  if (!content.empty() && !content.ends_with('\n')) content += '\n';
  return content += body.substr(end);
}

/// The part's decoded content, by its Content-Transfer-Encoding and by what is really there.
std::string content_of(const MimePart& part, std::string_view body) {
  auto claimed = part.encoding ? parse_transfer_encoding(*part.encoding) : std::nullopt;
  switch (claimed.value_or(TransferEncoding::Identity)) {
    case TransferEncoding::Identity:
      break;
    case TransferEncoding::QuotedPrintable:
      return decode_body(TransferEncoding::QuotedPrintable, body);
    case TransferEncoding::Base64:
      return decode_leading_base64(body);
  }
  return std::string(body);
}

/// The fields of a report, with each run of non-ASCII words replaced by encoded words.
std::string with_encoded_words(std::string_view fields) {
  constexpr std::string_view blanks = " \t\r\n";
  std::string out;
  while (!fields.empty()) {
    auto begin = std::min(fields.find_first_not_of(blanks), fields.size());
    out += fields.substr(0, begin);
    fields.remove_prefix(begin);
    std::size_t run = 0;  // non-ASCII words with one blank between them
    auto word = std::min(fields.find_first_of(blanks), fields.size());
    auto end = word;
    while (!is_ascii(fields.substr(run, end - run))) {
      run = end;
      if (run == fields.size() || fields[run] != ' ') break;
      end = std::min(fields.find_first_of(blanks, run + 1), fields.size());
    }
    out += run > 0 ? encode_words(guessed_utf8(fields.substr(0, run)))
                   : std::string(fields.substr(0, word));
    fields.remove_prefix(run > 0 ? run : word);
  }
  return out;
}

std::size_t count_parts(const MimePart& part) {
  std::size_t count = 1;
  for (const auto& child : part.children) count += count_parts(child);
  return count;
}

class Converter {
 public:
  explicit Converter(std::string_view message) : message_(message) {}

  Result<void> convert(const MimePart& part, bool is_root) {
    std::string_view body = message_.substr(part.body.offset, part.body.bytes);
    if (is_ascii(body)) return {};
    if (part.is("message", "partial")) return Error(554, "message/partial can't be converted");
    if (!part.children.empty() && !is_without_parts(part)) return convert_children(part, is_root);
    auto named = named_type(part);
    bool is_message = starts_with_nocase(named, "message/");
    bool is_beyond_limits = part.is("application", "octet-stream") &&
                            (is_message || starts_with_nocase(named, "multipart/"));
    if (is_beyond_limits) return Error(554, "too deeply nested parts can't be converted");
    bool is_text = part.is_text() || part.kind == MimePart::Kind::Multipart;
    // RFC 2045 section 6.4, RFC 2046 section 5.2: message/* parts may not be encoded.
    const char* encoding = is_message ? "7bit" : is_text ? "quoted-printable" : "base64";
    say_encoding(part, encoding, is_root);
    auto content = content_of(part, body);
    std::string encoded = is_message ? with_encoded_words(content)
                          : is_text  ? encode_quoted_printable(content, "\n")
                                     : base64_lines(content, "\n");
    edits_.push_back(Edit{part.body.offset, part.body.bytes, std::move(encoded)});
    return {};
  }

  Result<std::string> result() {
    std::stable_sort(edits_.begin(), edits_.end(),
                     [](const Edit& a, const Edit& b) { return a.offset < b.offset; });
    return edited(message_, edits_);
  }

 private:
  Result<void> convert_children(const MimePart& part, bool is_root) {
    say_encoding(part, "7bit", is_root);
    auto end = part.body.offset;
    for (const auto& child : part.children) {
      drop_high_bits(end, child.header.offset);
      TRY_DO(convert(child, part.kind == MimePart::Kind::Message));
      end = child.body.offset + child.body.bytes;
    }
    drop_high_bits(end, part.body.offset + part.body.bytes);
    return {};
  }

  /// Replaces 8-bit characters before, between and after the parts, in text that no reader shows.
  void drop_high_bits(std::size_t begin, std::size_t end) {
    std::string text(message_.substr(begin, end - begin));
    if (is_ascii(text)) return;
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    edits_.push_back(Edit{begin, end - begin, std::move(text)});
  }

  /// Whether a multipart has only text before a first part that never comes.
  static bool is_without_parts(const MimePart& part) {
    const auto& first = part.children.front();
    return part.kind == MimePart::Kind::Multipart && part.children.size() == 1 &&
           first.header.bytes == 0 && first.body.bytes == 0;
  }

  std::string_view header_of(const MimePart& part) const {
    return message_.substr(part.header.offset, part.header.bytes);
  }

  /// `type/subtype` as the part's header says; parse_mime() may have treated it as another type.
  std::string named_type(const MimePart& part) const {
    auto field = HeaderFields(header_of(part)).find("Content-Type");
    return field ? parse_mime_value(field->body).value : part.type + "/" + part.subtype;
  }

  /// Sets Content-Transfer-Encoding in the part's header.
  void say_encoding(const MimePart& part, const char* encoding, bool is_root) {
    std::string_view header = header_of(part);
    bool has_mime_version = false;
    // A multipart without a boundary or parts becomes text, since a multipart may not be encoded.
    bool is_no_multipart = starts_with_nocase(named_type(part), "multipart/") &&
                           (part.children.empty() || is_without_parts(part));
    bool has_type = false;
    for (const auto& field : HeaderFields(header)) {
      has_mime_version = has_mime_version || field.is("MIME-Version");
      bool is_wrong_type = is_no_multipart && field.is("Content-Type");
      has_type = has_type || (field.is("Content-Type") && !is_wrong_type);
      if (!field.is("Content-Transfer-Encoding") && !is_wrong_type) continue;
      auto at = static_cast<std::size_t>(field.whole.data() - message_.data());
      edits_.push_back(Edit{at, field.whole.size(), {}});
    }
    std::string added;
    if (is_root && !has_mime_version) added += "MIME-Version: 1.0\n";
    if (!has_type && !part.is("message", "rfc822"))
      added += "Content-Type: text/plain; charset=unknown-8bit\n";
    added += std::string("Content-Transfer-Encoding: ") + encoding + "\n";
    // Before the empty line that ends the header.
    std::size_t end = part.header.offset + part.header.bytes;
    bool has_empty_line = header == "\n" || header.ends_with("\n\n");
    if (!has_empty_line) added += "\n";
    edits_.push_back(Edit{has_empty_line ? end - 1 : end, 0, std::move(added)});
  }

  std::string_view message_;
  std::vector<Edit> edits_;
};

}  // namespace

Result<std::string> to_seven_bit(std::string_view message) {
  if (is_ascii(message)) return std::string(message);
  auto root = parse_mime(message);
  if (count_parts(root) >= mime_parts_max)
    return Error(554, "a message with so many parts can't be converted");
  Converter converter(message);
  TRY_DO(converter.convert(root, true));
  return converter.result();
}

}  // namespace pennypost::smtp
