#include "store/sieve/program_name.h"

#include "common/base/text.h"
#include "common/mail/unicode.h"
#include "store/sieve/limits.h"
#include "store/sieve/utf8.h"

namespace pennypost::store::sieve {

std::string program_name_trouble(const std::string& name) {
  bool is_short = !name.empty() && name.size() <= program_name_bytes_max;
  bool is_path = name == "." || name == ".." || name.find('/') != std::string::npos;
  if (is_short && !is_path && is_utf8(name) && !has_unicode_control(name)) return "";
  return "\"" + printable(name, 100) + "\" is no name of a program: UTF-8 without \"/\", of 1 to " +
         std::to_string(program_name_bytes_max) + " octets";
}

std::string program_argument_trouble(const std::string& argument) {
  if (argument.size() > program_argument_bytes_max) {
    return "an argument of a program has at most " + std::to_string(program_argument_bytes_max) +
           " octets";
  }
  bool has_control = argument.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
  return has_control ? "an argument of a program is one line, without NUL" : "";
}

}  // namespace pennypost::store::sieve
