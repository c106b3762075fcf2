// Takes a line of a log apart, of text or JSON: the parts are the same as once they were written as
// JSON.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/log/line_form.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto id = queue_id_of(input);
  ASSERT(id.empty() || looks_like_queue_id(id));
  ASSERT(message_id_of(input).size() <= input.size());
  (void)parse_log_line(input);

  // What a client sends is passed through printable() before it is in a line.
  const std::string text = printable(input, log_line_bytes_max / 8);
  LogLineHead head;
  head.host = "mail";
  head.program = "pennypost/smtpd";
  head.severity = "info";
  const LogPart part{"reply", 0, text.size(), false};
  const std::string line = json_log_line(head, "", text, LogParts(&part, 1));
  ASSERT(line.size() <= log_line_bytes_max && line.find('\n') == line.npos);
  auto parsed = parse_log_line(line);
  ASSERT(parsed.component == "smtpd");
  ASSERT(parsed.id.empty() ? parsed.text == text : text.starts_with(parsed.id));
  return 0;
}
