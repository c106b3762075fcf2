#include "smtpd/commands/ask_password.h"

#include <termios.h>
#include <unistd.h>

#include <iostream>
#include <ostream>

namespace pennypost::smtp {
namespace {

// Switches the terminal's echo off, and back in the destructor.
class NoEcho {
 public:
  NoEcho() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_set_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho() {
    if (is_set_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_{};
  bool is_set_ = false;
};

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
