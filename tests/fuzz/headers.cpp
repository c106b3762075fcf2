// Any bytes in; no crash, fields that cover the header without a gap, and edits that apply, out.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/mail/address.h"
#include "common/mail/fixups.h"
#include "common/mail/header.h"
#include "common/mail/mime_field.h"
#include "imapd/order/base_subject.h"
#include "imapd/order/message_ids.h"
#include "imapd/response/preview.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::size_t covered = 0;
  for (const auto& field : HeaderFields(text)) {
    ASSERT(field.whole.data() == text.data() + covered);
    covered += field.whole.size();
    auto value = field.value();
    (void)parse_mime_value(field.body);
    ASSERT(imap::message_ids(value, 3).size() <= 3);
    (void)imap::collation_key(imap::base_subject(value).text);
    if (field.name.empty() || value.find('\n') != std::string::npos) continue;
    // Folding loses nothing but where blanks were split; every line keeps its limit.
    auto written = make_field(field.name, value);
    std::size_t line_begin = 0;
    for (std::size_t end; (end = written.find("\r\n", line_begin)) != std::string::npos;
         line_begin = end + 2) {
      ASSERT(end - line_begin <= header_line_bytes_max + field.name.size());
    }
    ASSERT(HeaderFields(written).find(field.name).has_value());
  }
  for (bool is_html : {false, true}) {
    ASSERT(imap::preview_of(text, is_html).size() <= 4 * imap::preview_characters);
  }
  auto bytes = header_bytes(text);
  ASSERT(bytes >= covered && bytes - covered <= 2);

  auto without = edited(text, change_fields(text, blind_copy_fields()));
  ASSERT(!HeaderFields(without).has("Bcc"));
  auto renamed = edited(text, change_fields(text, {{"X-UID", "X-Original-X-UID"}}));
  ASSERT(!HeaderFields(renamed).has("X-UID"));

  Submission submission;
  submission.sender = *MailAddress::parse("ann");
  submission.completion.myorigin = *Domain::parse("example.org");
  submission.completion.mydomain = *Domain::parse("example.com");
  submission.myhostname = "mail.example.org";
  submission.unique = "1.2";
  auto fixed = edited(text, submission_edits(text, submission));
  ASSERT(fixed.ends_with(text.substr(bytes)));
  return 0;
}
