// Makes the answers to LIST and LSUB from the names of an account's mailboxes.
//
// An account may have ten thousand mailboxes, and a client may ask with a hundred patterns: so this
// runs on the account's threads, in steps.
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
#include "imapd/response/strings.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class Lister {
 public:
  struct Answer {
    std::string line;
    store::MailboxName name;
    /// It can be selected, so that its STATUS may be told.
    bool has_status;
  };

  /// `folders` are those of MailStore::list(), `subscribed` the subscribed names if the request
  /// asks for them; `form` is that of the patterns and of the answers. The request and
  /// `special_uses` (imap_special_use) outlive the Lister.
  Lister(const ListRequest& request, const std::vector<std::string>& special_uses, char separator,
         std::vector<store::Folder> folders, std::vector<store::MailboxName> subscribed,
         NameForm form = NameForm::Utf7);

  /// Goes on for about `cost` machine words of patterns, and appends the answers made; false when
  /// none is left.
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
  NameForm form_;
  std::vector<ListPattern> patterns_;
  std::size_t name_cost_ = 1;  // of matching an octet of a name with all patterns
  std::vector<store::Folder> folders_;
  std::vector<bool> is_matched_;
  // The names above the selected ones; true where a selected name is not listed itself, so that
  // only CHILDINFO tells of it (RFC 5258 section 3.5).
  std::map<std::string, bool> above_selected_;
  std::size_t next_ = 0;  // to be answered, once all are matched
};

/// The special-use attribute of a mailbox, "" for none. imap_special_use lists `NAME` or
/// `NAME=\Use`.
std::string special_use(const std::vector<std::string>& setting, const store::MailboxName& name);

/// `line` with \Noselect, for a mailbox that turned out not to be selectable.
std::string as_not_selectable(std::string line);

/// The answer to LSUB: the subscribed names that match; with `%` also the names that match and have
/// subscribed names below them.
std::string lsub_lines(const ListRequest& request,
                       const std::vector<store::MailboxName>& subscribed, char separator,
                       NameForm form = NameForm::Utf7);

}  // namespace pennypost::imap
