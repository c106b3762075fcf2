#include "store/search/place.h"

namespace pennypost::store {

std::string words_directory(const MailLocation& location) {
  bool is_maildir = location.format == MailLocation::Format::Maildir;
  return location.index + (is_maildir ? "/pennypost-words" : "/.imap/.pennypost/words");
}

}  // namespace pennypost::store
