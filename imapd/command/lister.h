// Makes the answers to LIST and LSUB from the names that a user has.
//
// A user may have ten thousand mailboxes and ask with a hundred patterns: this is run on the
// account's threads, in steps.
//
// STANDARDS  RFC 9051 section 6.3.9, RFC 3501 section 6.3.9 (LSUB), RFC 5258 (selection and return
//            options)
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "imapd/command/pattern.h"
#include "imapd/grammar/list.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class Lister {
 public:
  struct Answer {
    std::string line;
    store::MailboxName name;
    /// STATUS may be told of it: it can be selected, and is more than a name above selected ones.
    bool has_status;
  };

  /// `folders` are what MailStore::list() gives, `subscribed` what it is subscribed to, if that is
  /// asked for. All of the request, and `special_uses` (imap_special_use), outlive it.
  Lister(const ListRequest& request, const std::vector<std::string>& special_uses, char separator,
         std::vector<store::Folder> folders, std::vector<store::MailboxName> subscribed);

  /// Goes on for about `cost` machine words of patterns, and adds the answers made; false when none
  /// is left.
  bool run(std::size_t cost, std::vector<Answer>& out);

 private:
  void add_missing(std::vector<store::MailboxName> subscribed);
  std::size_t match_next();
  std::size_t answer_next(std::vector<Answer>& out);
  bool selects(const store::Folder& folder) const;
  std::string line(const store::Folder& folder, bool has_selected_below) const;

  const ListRequest& request_;
  const std::vector<std::string>& special_uses_;
  char separator_;
  std::vector<ListPattern> patterns_;
  std::size_t name_cost_ = 1;  // of matching an octet of a name with all patterns
  std::vector<store::Folder> folders_;
  std::vector<bool> is_matched_;
  // The names above those selected: true where one of these is not listed itself (RFC 5258 section
  // 3.5), so that nothing else would tell of it.
  std::map<std::string, bool> above_selected_;
  std::size_t next_ = 0;  // to be answered, once all are matched
};

/// The line of a mailbox that turned out not to be selectable: with \Noselect.
std::string as_not_selectable(std::string line);

/// LSUB's answer: the subscribed names that match, and with `%` the names above those that it stops
/// short of.
std::string lsub_lines(const ListRequest& request,
                       const std::vector<store::MailboxName>& subscribed, char separator);

}  // namespace pennypost::imap
