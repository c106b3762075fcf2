#include "smtpd/commands/ask_password.h"

#include <unistd.h>

#include <iostream>
#include <ostream>

#include "common/base/no_echo.h"

namespace pennypost::smtp {
namespace {

Result<Secret> read_line() {
  std::string line;
  if (!std::getline(std::cin, line)) return Error::permanent("no password was given");
  if (line.ends_with('\r')) line.pop_back();
  return Secret(std::move(line));
}

}  // namespace

Result<Secret> ask_password(const std::string& whom, std::ostream& err) {
  if (::isatty(STDIN_FILENO) == 0) return read_line();
  NoEcho quiet;
  err << "Password for " << whom << ": " << std::flush;
  auto first = read_line();
  err << "\nAgain: " << std::flush;
  auto second = read_line();
  err << "\n";
  if (!first || !second) return Error::permanent("no password was given");
  if (first->reveal() != second->reveal()) return Error::permanent("the passwords differ");
  return first;
}

}  // namespace pennypost::smtp
