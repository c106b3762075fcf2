// Checks of what constant arguments say, one for each kind of command; rows of the command table
// name them.
//
// Strings with variables are known only when the script runs, so that these skip them.
#pragma once

#include <string>

#include "store/sieve/mistake.h"

namespace pennypost::store::sieve {

struct Command;
struct Script;

/// What a check sees, and where it says what is wrong.
class Checking {
 public:
  Checking(Script& script, Mistakes& mistakes) : script_(script), mistakes_(mistakes) {}

  Script& script() { return script_; }
  void wrong(Position at, std::string text);

  // What the commands around the one that is checked give.
  std::size_t loops = 0;              // of foreverypart
  bool is_before_all_actions = true;  // only require and global so far

 private:
  Script& script_;
  Mistakes& mistakes_;
};

void check_address(Checking& checking, Command& command);
void check_break(Checking& checking, Command& command);
void check_date(Checking& checking, Command& command);
void check_duplicate(Checking& checking, Command& command);
void check_envelope(Checking& checking, Command& command);
void check_extract(Checking& checking, Command& command);
void check_fields(Checking& checking, Command& command);
void check_fileinto(Checking& checking, Command& command);
void check_flags(Checking& checking, Command& command);
void check_global(Checking& checking, Command& command);
void check_header(Checking& checking, Command& command);
void check_ihave(Checking& checking, Command& command);
void check_include(Checking& checking, Command& command);
void check_new_field(Checking& checking, Command& command);
void check_notify(Checking& checking, Command& command);
void check_old_field(Checking& checking, Command& command);
void check_program(Checking& checking, Command& command);
void check_redirect_address(Checking& checking, Command& command);
void check_replace(Checking& checking, Command& command);
void check_set(Checking& checking, Command& command);
void check_size(Checking& checking, Command& command);
void check_vacation(Checking& checking, Command& command);

}  // namespace pennypost::store::sieve
