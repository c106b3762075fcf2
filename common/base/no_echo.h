// Keeps a password that is typed on a terminal from being shown.
#pragma once

#include <termios.h>

namespace pennypost {

/// Switches the echo of standard input off, and back in the destructor; nothing happens if that is
/// no terminal.
class NoEcho {
 public:
  NoEcho();
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho();

 private:
  termios before_{};
  bool is_set_ = false;
};

}  // namespace pennypost
