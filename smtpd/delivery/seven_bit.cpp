#include "smtpd/delivery/seven_bit.h"

#include <algorithm>
#include <vector>

#include "common/base/text.h"
#include "common/mail/encoded.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t base64_line_bytes = 76;  // RFC 2045 section 6.8

std::string base64_lines(std::string_view bytes) {
  // A multiple of three, so that no padding stands within.
  constexpr std::size_t group = base64_line_bytes / 4 * 3;
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(group, bytes.size()))) {
    out += base64_encode(bytes.substr(0, group));
    out += '\n';
  }
  return out;
}

class Converter {
 public:
  explicit Converter(std::string_view message) : message_(message) {}

  Result<void> convert(const MimePart& part, bool is_root) {
    std::string_view body = message_.substr(part.body.offset, part.body.bytes);
    if (is_ascii(body)) return {};
    if (part.is("message", "partial")) return Error(554, "message/partial can't be converted");
    if (!part.children.empty()) {
      say_encoding(part, "7bit", is_root);
      for (const auto& child : part.children) {
        TRY_DO(convert(child, false));
      }
      return {};
    }
    bool is_plain =
        !part.encoding || parse_transfer_encoding(*part.encoding) == TransferEncoding::Identity;
    if (!is_plain) {
      return Error(554, "8-bit content in a part that claims " + printable(*part.encoding, 40) +
                            " can't be converted");
    }
    bool is_text = part.is_text() || part.kind != MimePart::Kind::Leaf;
    say_encoding(part, is_text ? "quoted-printable" : "base64", is_root);
    std::string encoded = is_text ? encode_quoted_printable(body, "\n") : base64_lines(body);
    edits_.push_back(Edit{part.body.offset, part.body.bytes, std::move(encoded)});
    return {};
  }

  Result<std::string> result() {
    std::stable_sort(edits_.begin(), edits_.end(),
                     [](const Edit& a, const Edit& b) { return a.offset < b.offset; });
    return edited(message_, edits_);
  }

 private:
  /// Puts Content-Transfer-Encoding into the part's header in place of what stands there.
  void say_encoding(const MimePart& part, const char* encoding, bool is_root) {
    std::string_view header = message_.substr(part.header.offset, part.header.bytes);
    bool has_mime_version = false;
    bool has_type = false;
    for (const auto& field : HeaderFields(header)) {
      has_mime_version = has_mime_version || field.is("MIME-Version");
      has_type = has_type || field.is("Content-Type");
      if (!field.is("Content-Transfer-Encoding")) continue;
      auto at = static_cast<std::size_t>(field.whole.data() - message_.data());
      edits_.push_back(Edit{at, field.whole.size(), {}});
    }
    std::string added;
    if (is_root && !has_mime_version) added += "MIME-Version: 1.0\n";
    if (!has_type) added += "Content-Type: text/plain; charset=unknown-8bit\n";
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
  auto root = parse_mime(message);
  Converter converter(message);
  TRY_DO(converter.convert(root, true));
  return converter.result();
}

}  // namespace pennypost::smtp
