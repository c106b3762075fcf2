#include "common/base/no_echo.h"

#include <unistd.h>

namespace pennypost {

NoEcho::NoEcho() {
  if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
  termios quiet = before_;
  quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  is_set_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
}

NoEcho::~NoEcho() {
  if (is_set_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

}  // namespace pennypost
