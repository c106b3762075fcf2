// Any bytes in as a value and as a header; no crash, fields of one line's syntax, and none that
// bears our name, out. The same bytes as another host's results: a bounded number of methods.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/mailauth/auth_results_parser.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  SpfResult spf;
  auto field = auth_results_field("mx.example.org", {auth_method(spf, text, text)});
  HeaderFields fields(field);
  auto only = fields.begin();
  ASSERT(only != fields.end() && only->whole == field);
  for (char c : field) ASSERT(c == '\r' || c == '\n' || (c >= ' ' && c <= '~'));
  ASSERT(!remove_auth_results(field, {"mx.example.org"}).empty());

  auto without = edited(text, remove_auth_results(text, {"mx.example.org"}));
  for (const auto& left : HeaderFields(without)) {
    ASSERT(!left.is("Authentication-Results") || !bears_authserv_id(left.body, {"mx.example.org"}));
  }

  auto methods = parse_auth_results(text);
  ASSERT(methods.size() <= auth_methods_max);
  for (const auto& method : methods) ASSERT(method.properties.size() <= auth_methods_max);
  return 0;
}
