// Defines the interface to stored mail: the daemons see accounts' folders and messages only through
// it.
//
// MailStore is one account's mail: folders, subscriptions, quota, delivery. Mailbox is one folder
// as one session has opened it. Behind both is Maildir++ or mbox, in the formats that other
// programs use; UIDs, keywords, subscriptions and quota are where Dovecot 2.3 keeps them. Pennypost
// and Dovecot may alternate on the same mail, and other programs may deliver, rename and remove at
// any time.
//
// All of this blocks on disk and locks: call it through Loop::offload. The process must already run
// with the account's own uid. An object is used by one thread at a time; different objects, also of
// the same folder, may be used in parallel, by many processes.
//
// Messages are named by Uid throughout. messages() stays the same until sync() is called, or a
// method of the same object that changes it (which may show other sessions' changes as well); this
// suits POP3, whose maildrop does not change during a session. The caller keeps IMAP's sequence
// numbers, as a list of Uids, since a server may announce an expunge only at certain times (RFC
// 3501 section 7.4.1): sync() may be called at any time, and its Changes announced later. For a
// message that is gone by then the answer is Error 550 Expunged.
//
// Errors have a 4xx code if a later attempt may succeed, else 5xx, and a ResponseCode if IMAP has a
// fitting one (RFC 9051 section 7.1, RFC 9208). The text of a 4xx may name files of this host: a
// client gets client_words(), common/base/client_words.h.
//
// SEE ALSO   message.h, location.h, delivery.h, reader.h, watcher.h; ../maildir, ../mbox (the
//            formats), ../stores/stores.h (how to open one)
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/limit.h"
#include "common/base/result.h"
#include "store/mailbox/annotations.h"
#include "store/mailbox/delivery.h"
#include "store/mailbox/location.h"
#include "store/mailbox/message.h"
#include "store/mailbox/reader.h"
#include "store/mailbox/watcher.h"

namespace pennypost::store {

class FolderCache;
class Index;
class QuotaRules;
class SharedStore;
class Sharing;

/// Whether the error is Expunged: the message is gone.
bool is_expunged(const Error& error);
/// Whether the error is InUse: another program holds the lock.
bool is_in_use(const Error& error);

/// The name of a folder in UTF-8: levels joined by the store's separator. `INBOX` in any case is
/// INBOX. No empty level, no control character, no `/` (Maildir), no level `.x` or `x.lock` (mbox),
/// at most 200 octets a level on disk, as many levels and octets in all as the settings allow.
class MailboxName {
 public:
  static constexpr std::size_t levels_max = 20;
  static constexpr std::size_t bytes_max = 255;

  static Result<MailboxName> parse(std::string_view utf8, char separator,
                                   std::size_t depth_max = levels_max,
                                   std::size_t name_bytes_max = bytes_max);
  static MailboxName inbox() { return MailboxName("INBOX"); }

  const std::string& text() const { return text_; }
  bool is_inbox() const { return text_ == "INBOX"; }
  friend auto operator<=>(const MailboxName&, const MailboxName&) = default;

 private:
  explicit MailboxName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// RFC 3501 section 5.1.3, the form of names on disk and in IMAP4rev1. Nothing if the text is not
/// valid UTF-8 or not canonical modified UTF-7.
std::optional<std::string> modified_utf7_encode(std::string_view utf8);
std::optional<std::string> modified_utf7_decode(std::string_view utf7);

/// RFC 6154 section 2.
enum class SpecialUse : std::uint8_t { None, All, Archive, Drafts, Flagged, Junk, Sent, Trash };
/// As in the protocol, `\Sent`; empty for None.
std::string_view special_use_text(SpecialUse use);
/// The items of `imap_special_use`: NAME, whose use follows from the name, or NAME=\Use; items
/// without a valid use are skipped.
std::vector<std::pair<std::string, SpecialUse>> parse_special_uses(
    const std::vector<std::string>& items);

/// The settings of a store; daemons fill them in from their Config once. All have usable defaults.
struct StoreSettings {
  std::string hostname = "localhost";  ///< in Maildir names
  int deliver_lock_attempts = 20;      ///< mbox and uidlist: tries, with ...
  int deliver_lock_delay_ms = 1000;    ///< ... this long between them
  int stale_lock_seconds = 500;        ///< an older mbox dotlock is removed
  /// For processes with few threads for many clients: a call waits no longer than this for another
  /// program's lock, then returns InUse, and the caller goes on waiting (lock_wait.h). 0: no such
  /// limit.
  int brief_lock_ms = 0;
  std::vector<std::string> mailbox_delivery_lock{"fcntl", "dotlock"};  ///< of an mbox, in order
  /// mail_spool_directory, and the name of the account's file in it, the only one for which the
  /// saved group may be borrowed (file_place.h). An empty name: none.
  std::string spool_directory;
  std::string spool_name;
  bool strict_mailbox_ownership = true;  ///< of that file
  /// An mbox in a directory where the account can't create files is written without a dotlock, as
  /// Postfix does for a /file destination.
  bool dotlock_may_fail = false;
  std::optional<std::uint64_t> quota_bytes;     ///< nothing: as in maildirsize, if that exists
  std::optional<std::uint64_t> quota_messages;  ///< the same
  /// What holds for single mailboxes; null: nothing else. See quota_rules.h.
  std::shared_ptr<const QuotaRules> quota_rules;
  /// Of an error that says that the quota is used up: 452 or 552, and the text for clients.
  int quota_exceeded_code = 452;
  std::string quota_exceeded_message = "Quota exceeded (mailbox for user is full)";
  Limit mailbox_size_limit;  ///< mbox: the largest file after a delivery
  /// What the names of all folders but INBOX begin with outside, such as `INBOX.`; not part of
  /// their names on disk.
  std::string namespace_prefix;
  /// Between the levels of names; '\0': the format's own, MailStore::separator().
  char separator = '\0';
  std::size_t folders_max = 10'000;
  std::size_t folder_depth_max = MailboxName::levels_max;
  std::size_t folder_name_bytes_max = MailboxName::bytes_max;
  /// Folders with a special use, by name; empty: the names that mail programs usually use.
  std::vector<std::pair<std::string, SpecialUse>> special_uses;
  bool create_missing = true;            ///< create a mailbox at its first delivery or login
  std::size_t messages_max = 1'000'000;  ///< per folder; more are an error
  bool fsync = true;                     ///< only benchmarks of other parts may turn it off
  Index* index = nullptr;                ///< only imapd has one; outlives every store
  FolderCache* folder_cache = nullptr;   ///< Maildir folders known to this process; likewise
  const Clock* clock = &Clock::system();
};

struct Folder {
  MailboxName name;
  SpecialUse special_use = SpecialUse::None;
  bool selectable = true;  ///< false: \NoSelect, it only has folders below it
  bool exists = true;      ///< false: it is only a level in the names of other folders
  bool has_children = false;
  bool subscribed = false;
  bool may_have_children = true;  ///< false: \NoInferiors
  /// LIST shows it only to a pattern that spells this many octets of the name (hidden namespaces).
  std::size_t spelt_out = 0;
};

/// RFC 9051 section 6.3.11.
struct Status {
  std::uint32_t messages = 0;
  std::uint32_t recent = 0;
  std::uint32_t unseen = 0;
  std::uint32_t deleted = 0;
  Uid uid_next{1};
  std::uint32_t uid_validity = 0;
  ModSeq highest_modseq{1};
  std::optional<std::uint64_t> size;  ///< only when asked for
  std::uint64_t deleted_size = 0;     ///< of the messages flagged \Deleted, as stored; likewise
  std::string id;                     ///< as Mailbox::id()
  bool is_waiting = false;            ///< as Changes::waiting: there are messages not counted yet
};

struct Usage {
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;
  std::optional<std::uint64_t> bytes_max;
  std::optional<std::uint64_t> messages_max;
};

/// The data for APPENDUID (RFC 4315 section 3).
struct Appended {
  std::uint32_t uid_validity = 0;
  std::vector<Uid> uids;  ///< in the order given
};
/// The data for COPYUID: target[i] is the copy of source[i].
struct Copied {
  std::uint32_t uid_validity = 0;
  std::vector<Uid> source;
  std::vector<Uid> target;
  std::optional<Error> failure;  ///< for move(): why the others were not moved
};
/// What copy() and move() do if messages are gone: refuse all, as with message numbers (RFC 3501
/// section 6.4.7), or skip those, as with UIDs (section 6.4.8).
enum class Missing { Refuse, Skip };
/// What to do with a keyword for which a mailbox has no room: fail with Limit, or store the message
/// without it.
enum class NoRoom { Refuse, LeaveOut };

/// How STORE changes flags (RFC 9051 section 6.4.6).
struct FlagChange {
  enum class Mode { Add, Remove, Replace };

  Mode mode = Mode::Add;
  Flags flags;
  std::vector<std::string> keywords;
  std::optional<ModSeq> unchanged_since;  ///< RFC 7162 section 3.1.3
};
struct Stored {
  std::vector<Uid> changed;      ///< messages whose flags in messages() have changed
  std::vector<Uid> modified;     ///< left alone, since they changed after `unchanged_since`
  std::optional<Error> failure;  ///< why the rest was not changed
};

/// What sync() found; each list is ascending. New messages are not in `flags`.
struct Changes {
  std::vector<Uid> added;
  std::vector<Uid> flags;
  std::vector<Uid> expunged;
  bool keywords = false;      ///< keywords() has grown, because of us or others
  bool uid_validity = false;  ///< the UIDs are void: everything was read again
  bool annotations = false;   ///< they were changed, and highest_modseq() has grown for that
  /// New messages are held back by another program's lock: sync again soon. This is not a change by
  /// itself.
  bool waiting = false;
  bool empty() const {
    return added.empty() && flags.empty() && expunged.empty() && !keywords && !uid_validity &&
           !annotations;
  }
};

/// A kind of value that is computed from a message and kept for later (by index/).
enum class CacheItem : std::uint8_t {
  Envelope = 'e',
  BodyStructure = 's',
  Header = 'k',
  Octets = 'o',
  InternalDate = 'd',
  EmailId = 'i',
  Preview = 'p',
};
inline constexpr std::array cache_items{
    CacheItem::Envelope,     CacheItem::BodyStructure, CacheItem::Header, CacheItem::Octets,
    CacheItem::InternalDate, CacheItem::EmailId,       CacheItem::Preview};

/// Ids that Dovecot keeps with a message's UID; empty if it has none.
struct StoredIds {
  Uid uid;
  std::string
      unique_id;  ///< for POP3's UIDL: the one from the server that the message was imported from
  std::string guid;  ///< if it differs from the file's name
};

enum class Access { ReadOnly, ReadWrite };

/// What a session may change in a mailbox that it has opened ReadWrite; less than all only in one
/// of another user.
struct Changeable {
  Flags flags{Flags::all_bits};
  bool keywords = true;
  bool expunges = true;
};

/// One folder, open.
class Mailbox {
 public:
  virtual ~Mailbox() = default;

  virtual const MailboxName& name() const = 0;
  virtual Access access() const = 0;
  virtual Changeable changeable() const { return {}; }
  virtual std::uint32_t uid_validity() const = 0;
  virtual Uid uid_next() const = 0;
  virtual ModSeq highest_modseq() const = 0;
  /// Ascending by Uid; valid until this object changes.
  virtual std::span<const Message> messages() const = 0;
  /// The names for KeywordSet's bits; an empty name is an unused number.
  virtual const std::vector<std::string>& keywords() const = 0;
  /// Whether this object was the first to see the message (RFC 3501 section 2.3.2).
  virtual bool is_recent(Uid uid) const = 0;

  /// The message, or null if it is not (or no longer) in messages().
  const Message* find(Uid uid) const;
  /// The names of a message's keywords.
  std::vector<std::string> keyword_names(KeywordSet set) const;
  /// Whether a new keyword can be added: PERMANENTFLAGS `\*`.
  bool may_add_keyword() const;
  /// The name of a message's file without its flags; empty if messages have no files of their own,
  /// or the message is gone.
  virtual std::string_view file_name(Uid) const { return {}; }
  /// The ids by which POP3 clients know messages, if another server has left any; ascending by UID,
  /// without messages that have none.
  virtual Result<std::vector<StoredIds>> stored_ids() { return std::vector<StoredIds>(); }
  /// Keeps these ids (ascending by UID; only `unique_id` counts) with the messages that have none
  /// yet, so that stored_ids() returns them from now on; nothing happens where the format has no
  /// place for them.
  virtual Result<void> keep_unique_ids(std::span<const StoredIds>) { return {}; }
  /// The folder's id, which it keeps when it is renamed, and no other folder of the account has:
  /// letters and digits; empty unless MailStore::keeps_ids().
  virtual std::string id() const { return {}; }

  /// Reads what has changed on disk since the last call; cheap if nothing has. Gives UIDs to new
  /// messages and, when ReadWrite, moves them from new/ to cur/ and marks them recent.
  virtual Result<Changes> sync() = 0;

  /// Octets with CRLF line ends (RFC822.SIZE); from the name if that has W=, else counted once.
  virtual Result<std::uint64_t> octets(Uid uid) = 0;
  /// What it takes of a quota.
  virtual Result<std::uint64_t> stored_bytes(Uid uid) { return octets(uid); }
  /// INTERNALDATE in seconds since 1970: a Maildir file's mtime, an mbox From_ line's date.
  virtual Result<std::int64_t> internal_date(Uid uid) = 0;
  /// When the message came into this folder, in seconds since 1970; nothing if the format does not
  /// keep that (RFC 8514).
  virtual Result<std::optional<std::int64_t>> save_date(Uid) {
    return std::optional<std::int64_t>();
  }
  virtual Result<MessageReader> open(Uid uid) = 0;
  /// The same without waiting for a disk, a lock or another program, on any thread: nothing if the
  /// file's name is not in the system's memory, or anything else is not as usual; then call open().
  virtual std::optional<MessageReader> open_now(Uid) { return std::nullopt; }

  /// The UIDs expunged after `since`, ascending, which may be more than this object has shown yet;
  /// nothing if that is longer ago than is remembered (RFC 7162 section 5.3).
  virtual std::optional<std::vector<Uid>> expunged_since(ModSeq) const { return std::nullopt; }
  /// Raises highest_modseq() for a change of annotations that are not beside the mail; those that
  /// are count of themselves, at the next sync() (RFC 7162 section 3.2).
  virtual void count_on() {}

  /// Changes flags on disk and in messages(). Earlier changes by others are kept and show up at the
  /// next sync(). More than 26 keywords: 550 Limit, and nothing is changed. Returns an error only
  /// if nothing was changed; else see Stored::failure.
  virtual Result<Stored> store(std::span<const Uid> uids, const FlagChange& change) = 0;
  /// Removes messages permanently, whatever their flags, also from messages(); returns those that
  /// existed. For EXPUNGE pass those with \Deleted, for POP3's QUIT those of DELE. Returns an error
  /// only if none was removed; another call for those that are left tells why.
  virtual Result<std::vector<Uid>> expunge(std::span<const Uid> uids) = 0;

  /// Makes durable copies in another folder of the same store, all or none, with flags, date, and
  /// the keywords for which there is room. For missing messages see `missing`.
  virtual Result<Copied> copy(std::span<const Uid> uids, const MailboxName& target,
                              Missing missing = Missing::Skip) = 0;
  /// The same, and removes the originals (RFC 6851); if an original can't be removed, its copy is.
  /// Returns an error only if none was moved; else see Copied::failure.
  virtual Result<Copied> move(std::span<const Uid> uids, const MailboxName& target,
                              Missing missing = Missing::Skip) = 0;

  /// The paths for Watcher::add.
  virtual std::vector<std::string> watch_paths() const = 0;

  /// The value that any session has kept with cache() for this message; always nothing without an
  /// index.
  virtual std::optional<std::string> cached(Uid uid, CacheItem item) = 0;
  virtual void cache(Uid uid, CacheItem item, std::string_view value) = 0;

 protected:
  /// The rest of move() after copying: removes the originals, and the copies of those that can't be
  /// removed.
  Result<Copied> finish_move(Copied copied,
                             const std::function<std::unique_ptr<Mailbox>()>& open_target);
};

/// The data for STATUS of an open folder.
Result<Status> count_status(Mailbox& mailbox, bool with_size);

/// One account's mail.
class MailStore {
 public:
  virtual ~MailStore() = default;

  virtual const StoreSettings& settings() const = 0;
  /// How long to wait in all for a lock that another program holds.
  virtual std::chrono::milliseconds lock_timeout() const = 0;
  /// `.` in Maildir++, `/` among mboxes: Dovecot's defaults.
  virtual char separator() const = 0;
  /// Whether folders have ids that outlive a new name: Mailbox::id().
  virtual bool keeps_ids() const { return false; }
  /// Parses a name from outside: valid for MailboxName::parse, and allowed for this account.
  Result<MailboxName> parse_name(std::string_view utf8) const;
  /// The same for a name from a setting or a script, which may lack the prefix of the namespace.
  Result<MailboxName> parse_own_name(std::string_view utf8) const;

  /// Stores a message where the filter wants it (delivery.h); once Delivered it survives a power
  /// cut. In a Maildir a repeated attempt (the same queue id, number and arrival) stores nothing
  /// new while the first is still there; an mbox can't detect it. Mail is never dropped unless the
  /// filter discards it: any other failure is a Retry whose reason names the remedy.
  DeliveryOutcome deliver(const Delivery& delivery, DeliveryFilter& filter);

  /// All folders, INBOX first, then by name; includes parents that exist only through their
  /// children, as not selectable.
  virtual Result<std::vector<Folder>> list() = 0;
  /// Also names that no longer exist (RFC 9051 section 6.3.9.1).
  virtual Result<std::vector<MailboxName>> subscriptions() = 0;
  /// Whether there was ever a subscription; false means that no mail program has used this account
  /// yet.
  virtual bool was_ever_subscribed() const = 0;
  virtual Result<void> subscribe(const MailboxName& name) = 0;
  virtual Result<void> unsubscribe(const MailboxName& name) = 0;

  virtual Result<void> create(const MailboxName& name) = 0;
  /// Creates a name below which others will be created (RFC 9051 section 6.3.4: CREATE with a
  /// trailing separator). In a format where a folder can't hold both messages and folders, it holds
  /// folders only.
  virtual Result<void> create_parent(const MailboxName& name) { return create(name); }
  /// Cannot for INBOX. Folders below stay.
  virtual Result<void> remove(const MailboxName& name) = 0;
  /// Renames a folder and all below it. For INBOX, its messages move and INBOX stays (RFC 9051
  /// section 6.3.6).
  virtual Result<void> rename(const MailboxName& from, const MailboxName& to) = 0;

  virtual Result<Status> status(const MailboxName& name, bool with_size = false) = 0;
  /// Opens and syncs a folder. NonExistent if it is missing, except for INBOX, which is created.
  virtual Result<std::unique_ptr<Mailbox>> open(const MailboxName& name, Access access) = 0;
  /// Appends messages durably, all or none, without opening the folder. NonExistent (which the
  /// caller turns into TryCreate), OverQuota, Limit.
  virtual Result<Appended> append(const MailboxName& name,
                                  std::span<const NewMessage> messages) = 0;

  /// Whether append() would find the folder: the same errors, before there is a message.
  virtual Result<void> check_target(const MailboxName& name);
  /// Whether this much more fits into the quota now; OverQuota if not.
  virtual Result<void> check_room(std::uint64_t bytes, std::uint64_t messages) = 0;
  /// What the account uses; an mbox store has no quota and counts file sizes.
  virtual Result<Usage> usage() = 0;
  /// The same for an account with a quota, else nothing, which costs no counting.
  virtual Result<std::optional<Usage>> quota() { return std::optional<Usage>(); }
  /// Counts again what the account uses, and keeps that where there is a quota.
  virtual Result<Usage> recount() { return usage(); }
  /// Whether what is in this mailbox counts for the quota.
  virtual bool counts_for_quota(const MailboxName&) const { return true; }

  /// The annotations of a folder, or of the account itself. They go with the folder when it is
  /// renamed, and are gone with it. NonExistent if the folder is missing. A change of a folder's
  /// annotations raises its mod-sequence, at the next sync().
  virtual Result<AnnotationFile> annotations(const std::optional<MailboxName>& name) = 0;
  /// The paths for Watcher::add that tell when list() has changed, as far as one look can say.
  virtual Result<std::vector<std::string>> watch_paths() = 0;
  /// The directory with the folder's own files, dovecot-acl among them. NonExistent if the folder
  /// is missing; Cannot if folders are no directories.
  virtual Result<std::string> directory_of(const MailboxName& name);
  /// What this store knows of the mailboxes that users share; null: it has its own user's alone.
  virtual Sharing* sharing() { return nullptr; }

 protected:
  /// Cannot for a name whose path is used for other purposes.
  virtual Result<void> check_name(const MailboxName&) const { return {}; }

  /// Stores one copy, in a folder that is created when missing.
  virtual Result<void> place(const Delivery& delivery, const MailboxName& name,
                             const Placement& placement) = 0;
  /// Whether place() finds the copy of an earlier attempt, and stores nothing twice.
  virtual bool finds_repeats() const = 0;
  /// For the log: delivered to `maildir`, `mailbox`.
  virtual std::string_view format_name() const = 0;

 private:
  friend class SharedStore;  // which passes everything on to an account's own store
  DeliveryOutcome place_all(const Delivery& delivery, const std::vector<Placement>& placements);
};

}  // namespace pennypost::store
