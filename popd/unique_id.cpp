#include "popd/unique_id.h"

#include <cstdio>

#include "common/base/text.h"

namespace pennypost::pop {
namespace {

constexpr int width_max = 20;

Error malformed(std::string_view format) {
  return Error::permanent("pop3_uidl_format: \"" + printable(format, 100) +
                          "\" is no format of unique ids; the default is %08Xu%08Xv");
}

}  // namespace

Result<std::string> format_unique_id(std::string_view format, std::uint32_t uid,
                                     std::uint32_t uid_validity) {
  std::string id;
  bool has_uid = false;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      id += format[i];
      continue;
    }
    bool fills = ++i < format.size() && format[i] == '0';
    int width = 0;
    for (; i < format.size() && is_digit(format[i]) && width <= width_max; ++i) {
      width = width * 10 + (format[i] - '0');
    }
    char digits = 'u';
    if (i < format.size() && (format[i] == 'X' || format[i] == 'x')) digits = format[i++];
    char name = i < format.size() ? format[i] : '\0';
    if (width > width_max || (name != 'u' && name != 'v' && name != '%')) return malformed(format);
    if (name == '%') {
      id += '%';
      continue;
    }
    has_uid = has_uid || name == 'u';
    auto value = name == 'u' ? uid : uid_validity;
    const char* form = digits == 'X'   ? (fills ? "%0*X" : "%*X")
                       : digits == 'x' ? (fills ? "%0*x" : "%*x")
                                       : (fills ? "%0*u" : "%*u");
    char text[32];
    std::snprintf(text, sizeof text, form, width, value);
    id += text;
  }
  bool is_visible = true;
  for (char c : id) is_visible = is_visible && c > 0x20 && c < 0x7f;
  if (!has_uid || !is_visible || id.size() > unique_id_bytes_max) return malformed(format);
  return id;
}

}  // namespace pennypost::pop
