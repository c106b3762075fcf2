// Any bytes in; no crash, and a tree whose extents lie within the text and count it rightly, out.
#include <algorithm>
#include <string_view>

#include "common/base/assert.h"
#include "common/mail/binary_parts.h"
#include "common/mail/mime.h"
#include "common/mail/report.h"
#include "imapd/response/body_structure.h"

using namespace pennypost;

namespace {

void check(std::string_view text, const MimePart& part, const MimeExtent& within) {
  ASSERT(part.header.offset >= within.offset);
  ASSERT(part.body.offset + part.body.bytes <= within.offset + within.bytes);
  ASSERT(part.header.offset + part.header.bytes == part.body.offset);
  for (const auto& extent : {part.header, part.body}) {
    auto piece = text.substr(extent.offset, extent.bytes);
    ASSERT(extent.lines == static_cast<std::size_t>(std::count(piece.begin(), piece.end(), '\n')));
    // A piece may begin behind a CR that is not its own; the counts are of lines, which can't.
    ASSERT(extent.octets == crlf_octets(piece));
  }
  (void)part.charset();
  (void)decode_body(part.transfer_encoding(), text.substr(part.body.offset, part.body.bytes));
  ASSERT((part.kind == MimePart::Kind::Message) <= (part.children.size() == 1));
  ASSERT((part.kind == MimePart::Kind::Leaf) <= part.children.empty());
  for (const auto& child : part.children) check(text, child, part.body);
}

/// What the index keeps of a message's structure, as it may be found there.
void check_structure(std::string_view text) {
  auto structure = imap::decode_structure(text);
  if (!structure) return;
  auto written = imap::encode(*structure);
  auto again = imap::decode_structure(written);
  ASSERT(again && imap::encode(*again) == written);
  for (auto which : {imap::Section::Text::Whole, imap::Section::Text::Header,
                     imap::Section::Text::Text, imap::Section::Text::Mime}) {
    for (std::vector<std::uint32_t> part : {std::vector<std::uint32_t>{}, {1}, {2, 1}}) {
      imap::Section section;
      section.text = which;
      section.part = std::move(part);
      (void)imap::locate(*structure, section);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto root = parse_mime(text);
  ASSERT(root.header.offset == 0 && root.header.bytes + root.body.bytes == size);
  check(text, root, {0, size, 0, 0});
  check_structure(text);
  auto written = imap::encode(imap::structure_of(text));
  ASSERT(imap::decode_structure(written));
  check_structure(written);
  if (auto lines = encode_binary_parts(text)) ASSERT(is_made_of_lines(*lines));

  Report report;
  report.sender = *MailAddress::parse("ann@example.net");
  report.from = *MailAddress::parse("MAILER-DAEMON@example.org");
  report.reporting_mta = "mail.example.org";
  report.queue_id = "1";
  report.unique = "b";
  report.original = text;
  report.recipients.emplace_back();
  report.recipients[0].recipient = *MailAddress::parse("bob@example.org");
  report.recipients[0].reason = text;
  auto told = delivery_report(report);
  ASSERT(parse_mime(told.bytes).children.size() == 3);
  return 0;
}
