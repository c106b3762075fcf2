// Says where an account's index of words is: within its mail, under a name that no folder has.
//
// It can be removed at any time, and is made anew. It is left out of backups.
#pragma once

#include <string>

#include "store/mailbox/location.h"

namespace pennypost::store {

std::string words_directory(const MailLocation& location);

}  // namespace pennypost::store
