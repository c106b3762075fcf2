// Finds out which annotations of mailboxes, and of the account, have changed, whoever changed them:
// another session, a visitor of a shared mailbox, or another program.
//
// The directories with the files of annotations are watched through the process's ChangeHub. A
// change wakes whoever asks; look() then compares each value with the one that the client knows, of
// which a hash is kept. What the client sets itself, it knows. Annotations that a mailbox has when
// it is first watched are no news.
//
// STANDARDS  RFC 5465 sections 5.6 (MailboxMetadataChange) and 5.7 (ServerMetadataChange)
// LIMITS     as many mailboxes as the caller names; AnnotationFile::file_bytes_max each
// SEE ALSO   notifier.h (who tells), store/mailbox/annotations.h
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "imapd/session/change_hub.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class SessionContext;

class AnnotationWatch {
 public:
  /// Nothing: the account itself.
  using Name = std::optional<store::MailboxName>;
  struct News {
    Name name;
    std::vector<std::string> entries;
  };

  /// Both outlive it. `wake` is notified whenever look() may find something.
  AnnotationWatch(SessionContext& context, Event& wake);

  /// Watches these, and no others. Those whose annotations the client may not read, or that are
  /// gone, are tried again at the next call.
  Task<> watch(const std::set<Name>& names);
  /// The mailbox and those below it have new names: what is known of them stays known. To be
  /// followed by watch().
  void rename(const store::MailboxName& from, const store::MailboxName& to, char separator);
  bool has_changed() const;
  /// The names of the annotations that differ from what the client knows, which knows them now.
  Task<std::vector<News>> look();
  /// The client itself has made these changes.
  void note_own(const Name& name, const store::AnnotationChanges& changes);
  /// The mailboxes that the client may list, but whose annotations it may not read.
  std::vector<store::MailboxName> refused() const;
  void clear() { watched_.clear(); }

 private:
  using Hashes = std::map<std::string, std::size_t>;
  // The file with the annotations; of another user's mailbox there are two.
  struct Files {
    std::vector<std::string> paths;
    std::vector<store::FileStamp> stamps;
    std::int64_t looked_at_ns = 0;

    void stamp();
    bool is_unchanged() const;
  };
  struct Watched {
    Files files;
    std::optional<Hashes> known;
    bool has_changed = false;
    bool is_refused = false;
    std::unique_ptr<ChangeHub::Subscription> subscription;
  };
  struct Reading {
    Files files;
    Hashes values;
  };
  using Item = std::pair<const Name, Watched>;
  // Nothing: it is as it was.
  using Look = Result<std::optional<Reading>>;

  Result<Reading> read(const Name& name) const;
  Task<> watch_one(const Name& name, Watched& watched);
  std::vector<Look> look_at(std::span<Item* const> some) const;
  static void note(Item& item, Look found, std::vector<News>& news);

  SessionContext& context_;
  Event& wake_;
  std::map<Name, Watched> watched_;
};

}  // namespace pennypost::imap
