// Any bytes in as a file of report templates; no crash, and texts within their limits, out.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/mail/bounce_template.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto knows = [](std::string_view name) { return name.starts_with('m'); };
  auto templates = parse_bounce_templates(bytes, "templates", knows);
  if (!templates) {
    ASSERT(templates.error().text().starts_with("templates:"));
    return 0;
  }
  for (const auto* one : {&templates->failure, &templates->delay, &templates->success}) {
    ASSERT(!one->text.empty() && one->text.size() <= template_bytes_max);
    ASSERT(!one->subject.empty() && !one->from_address.empty());
  }
  auto filled = filled_bounce_texts(*templates, [](std::string_view) { return "value"; });
  ASSERT(filled.starts_with("expanded_failure_text = <<EOF"));
  return 0;
}
