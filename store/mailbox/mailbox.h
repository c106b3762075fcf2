// The interface to mail: the daemons see accounts' folders and messages only through it.
//
// MailStore is one account's mail: folders, subscriptions, quota, delivery. Mailbox is one folder
// as one session has opened it. Behind both is Maildir++ or mbox, in the formats that other
// programs use; UIDs, keywords, subscriptions and quota are where Dovecot 2.3 has them. Pennypost
// and Dovecot may take turns on the same mail, and other programs may deliver, rename and remove at
// any time.
//
// All of this blocks on disk and locks: call it through Loop::offload. The process must already run
// with the account's own uid. An object is used by one thread at a time; different objects, also of
// the same folder, may be used in parallel, by many processes.
//
// Messages are named by Uid throughout. messages() stays as it is until sync() is called, or a
// method of the same object that changes it (which may show other sessions' changes as well): that
// is POP3's frozen maildrop. IMAP's sequence numbers are the caller's own list of Uids, since a
// server may announce an expunge only at certain times (RFC 3501 section 7.4.1): sync() may be
// called at any time, and its Changes announced later. A message that is gone by then answers Error
// 550 Expunged.
//
// Errors have a 4xx code where a later attempt may succeed, 5xx where not, and a ResponseCode where
// IMAP has one for it (RFC 9051 section 7.1, RFC 9208). The text of a 4xx may name files of this
// host: a client gets client_words(), common/base/client_words.h.
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
#include "common/base/result.h"
#include "store/mailbox/delivery.h"
#include "store/mailbox/location.h"
#include "store/mailbox/message.h"
#include "store/mailbox/reader.h"
#include "store/mailbox/watcher.h"

namespace pennypost::store {

class FolderCache;
class Index;

/// Whether the message is gone: Expunged.
bool is_expunged(const Error& error);
/// Whether another program's lock was in the way: InUse.
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

/// RFC 3501 section 5.1.3, the form of names on disk and on IMAP4rev1's wire. Nothing where the
/// text is not valid UTF-8 or not canonical modified UTF-7.
std::optional<std::string> modified_utf7_encode(std::string_view utf8);
std::optional<std::string> modified_utf7_decode(std::string_view utf7);

/// RFC 6154 section 2.
enum class SpecialUse : std::uint8_t { None, All, Archive, Drafts, Flagged, Junk, Sent, Trash };
/// As on the wire, `\Sent`; empty for None.
std::string_view special_use_text(SpecialUse use);
/// The items of `imap_special_use`: NAME, whose use is its name's, or NAME=\Use; what means none is
/// left out.
std::vector<std::pair<std::string, SpecialUse>> parse_special_uses(
    const std::vector<std::string>& items);

/// What a store must be told; daemons fill it from their Config once. All have workable defaults.
struct StoreSettings {
  std::string hostname = "localhost";  ///< in Maildir names
  int deliver_lock_attempts = 20;      ///< mbox and uidlist: tries, with ...
  int deliver_lock_delay_ms = 1000;    ///< ... this long between them
  int stale_lock_seconds = 500;        ///< an older mbox dotlock is taken away
  /// For processes whose few threads serve many: a call waits no longer than so for a lock of
  /// another program, then answers InUse; the caller waits on (lock_wait.h). 0: no such bound.
  int brief_lock_ms = 0;
  std::vector<std::string> mailbox_delivery_lock{"fcntl", "dotlock"};  ///< of an mbox, in order
  /// mail_spool_directory and the name of the one file in it for which the saved group may be
  /// borrowed (file_place.h): the account's. An empty name: none.
  std::string spool_directory;
  std::string spool_name;
  bool strict_mailbox_ownership = true;  ///< of that file
  /// An mbox in a directory where the account may make no file is written without a dotlock, as
  /// Postfix does for a /file destination.
  bool dotlock_may_fail = false;
  std::optional<std::uint64_t> quota_bytes;     ///< nothing: what maildirsize says, if it is there
  std::optional<std::uint64_t> quota_messages;  ///< the same
  std::uint64_t mailbox_size_limit = 0;         ///< mbox: greatest file after a delivery; 0: none
  std::size_t folders_max = 10'000;
  std::size_t folder_depth_max = MailboxName::levels_max;
  std::size_t folder_name_bytes_max = MailboxName::bytes_max;
  /// Folders with a special use, by name; empty: those that mail programs usually call so.
  std::vector<std::pair<std::string, SpecialUse>> special_uses;
  bool create_missing = true;            ///< a mailbox at its first delivery or login
  std::size_t messages_max = 1'000'000;  ///< per folder; what is beyond is left out with an error
  bool fsync = true;                     ///< only benchmarks of other parts may turn it off
  Index* index = nullptr;                ///< imapd's; outlives every store. Others go without
  FolderCache* folder_cache = nullptr;   ///< Maildir folders known to this process; the same
  const Clock* clock = &Clock::system();
};

struct Folder {
  MailboxName name;
  SpecialUse special_use = SpecialUse::None;
  bool selectable = true;  ///< false: \NoSelect, there are only folders below it
  bool exists = true;      ///< false: nothing but the name of a level above other folders
  bool has_children = false;
  bool subscribed = false;
  bool may_have_children = true;  ///< false: \NoInferiors
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
};

struct Usage {
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;
  std::optional<std::uint64_t> bytes_max;
  std::optional<std::uint64_t> messages_max;
};

/// What APPENDUID tells (RFC 4315 section 3).
struct Appended {
  std::uint32_t uid_validity = 0;
  std::vector<Uid> uids;  ///< in the order given
};
/// What COPYUID tells: target[i] is the copy of source[i].
struct Copied {
  std::uint32_t uid_validity = 0;
  std::vector<Uid> source;
  std::vector<Uid> target;
  std::optional<Error> failure;  ///< of move(): why the others stayed where they were
};
/// What copy() and move() do about messages that are gone: refuse all, as with message numbers
/// (RFC 3501 section 6.4.7), or pass them over, as with UIDs (section 6.4.8).
enum class Missing { Refuse, Skip };
/// What becomes of a keyword for which a mailbox has no room: Limit, or the message goes without.
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
  std::vector<Uid> changed;      ///< whose flags in messages() are now different
  std::vector<Uid> modified;     ///< not touched, since changed after `unchanged_since`
  std::optional<Error> failure;  ///< why the rest was left as it was
};

/// What sync() found, each list ascending. A new message is not in `flags` as well.
struct Changes {
  std::vector<Uid> added;
  std::vector<Uid> flags;
  std::vector<Uid> expunged;
  bool keywords = false;      ///< keywords() has grown, by us or others
  bool uid_validity = false;  ///< the UIDs are void: everything was read anew
  /// New messages wait for a lock that another program holds: look again soon. No change by itself.
  bool waiting = false;
  bool empty() const {
    return added.empty() && flags.empty() && expunged.empty() && !keywords && !uid_validity;
  }
};

/// A value that was computed from a message and is wanted back later (index/ keeps it).
enum class CacheItem : std::uint8_t {
  Envelope = 'e',
  BodyStructure = 's',
  Header = 'h',
  Octets = 'o',
  InternalDate = 'd',
};
inline constexpr std::array cache_items{CacheItem::Envelope, CacheItem::BodyStructure,
                                        CacheItem::Header, CacheItem::Octets,
                                        CacheItem::InternalDate};

/// Ids that Dovecot keeps beside a message's UID; empty where it has none.
struct StoredIds {
  Uid uid;
  std::string unique_id;  ///< for POP3's UIDL: that of the server from which it was imported
  std::string guid;       ///< where it is not the file's name
};

enum class Access { ReadOnly, ReadWrite };

/// One folder, open.
class Mailbox {
 public:
  virtual ~Mailbox() = default;

  virtual const MailboxName& name() const = 0;
  virtual Access access() const = 0;
  virtual std::uint32_t uid_validity() const = 0;
  virtual Uid uid_next() const = 0;
  virtual ModSeq highest_modseq() const = 0;
  /// Ascending by Uid; valid until this object changes.
  virtual std::span<const Message> messages() const = 0;
  /// The names behind KeywordSet's bits; an empty name is a number not in use.
  virtual const std::vector<std::string>& keywords() const = 0;
  /// Whether this object was the first to see the message (RFC 3501 section 2.3.2).
  virtual bool is_recent(Uid uid) const = 0;

  /// The message, or null when it is not (or no more) in messages().
  const Message* find(Uid uid) const;
  /// The names of a message's keywords.
  std::vector<std::string> keyword_names(KeywordSet set) const;
  /// Whether one more keyword could be made: PERMANENTFLAGS `\*`.
  bool may_add_keyword() const;
  /// The name of a message's file without its flags; empty: the mailbox has no file a message, or
  /// the message is gone.
  virtual std::string_view file_name(Uid) const { return {}; }
  /// What POP3 clients know messages by, where another server has left that: by UID, only those
  /// that have something.
  virtual Result<std::vector<StoredIds>> stored_ids() { return std::vector<StoredIds>(); }

  /// Reads what changed on disk since the last time; cheap when nothing did. Gives UIDs to new
  /// messages and, when ReadWrite, moves them from new/ to cur/ and marks them recent.
  virtual Result<Changes> sync() = 0;

  /// Octets with CRLF line ends (RFC822.SIZE); from the name where that has W=, else counted once.
  virtual Result<std::uint64_t> octets(Uid uid) = 0;
  /// INTERNALDATE in seconds since 1970: a Maildir file's mtime, an mbox From_ line's date.
  virtual Result<std::int64_t> internal_date(Uid uid) = 0;
  virtual Result<MessageReader> open(Uid uid) = 0;

  /// Changes flags on disk, and messages() with them; what others changed before is kept and shows
  /// up at the next sync(). More than 26 keywords: 550 Limit, and nothing is changed. An
  /// error only when nothing was changed; else Stored::failure.
  virtual Result<Stored> store(std::span<const Uid> uids, const FlagChange& change) = 0;
  /// Removes messages for good, whatever their flags; gives back those that were there. For
  /// EXPUNGE pass those with \Deleted, for POP3's QUIT those of DELE. messages() loses them. An
  /// error only when none was removed: why others are left the next call for them tells.
  virtual Result<std::vector<Uid>> expunge(std::span<const Uid> uids) = 0;

  /// Durable copies in another folder of the same store, all or none, with flags, date, and the
  /// keywords for which there is room. Expunged if `missing` says so.
  virtual Result<Copied> copy(std::span<const Uid> uids, const MailboxName& target,
                              Missing missing = Missing::Skip) = 0;
  /// The same, and the originals are gone when it returns (RFC 6851); of one that can't go there is
  /// no copy either. An error only when none was moved; else Copied::failure.
  virtual Result<Copied> move(std::span<const Uid> uids, const MailboxName& target,
                              Missing missing = Missing::Skip) = 0;

  /// What Watcher::add takes.
  virtual std::vector<std::string> watch_paths() const = 0;

  /// A value kept by cache() for this very message, by any session; without an index always
  /// nothing.
  virtual std::optional<std::string> cached(Uid uid, CacheItem item) = 0;
  virtual void cache(Uid uid, CacheItem item, std::string_view value) = 0;

 protected:
  /// move() once the copies are there: the originals go, and the copies of those that don't.
  Result<Copied> finish_move(Copied copied,
                             const std::function<std::unique_ptr<Mailbox>()>& open_target);
};

/// What STATUS tells of an open folder.
Result<Status> count_status(Mailbox& mailbox, bool with_size);

/// One account's mail.
class MailStore {
 public:
  virtual ~MailStore() = default;

  virtual const StoreSettings& settings() const = 0;
  /// How long a lock that another program holds is waited for in all.
  virtual std::chrono::milliseconds lock_timeout() const = 0;
  /// `.` in Maildir++, `/` among mboxes: Dovecot's defaults.
  virtual char separator() const = 0;
  /// The one door for names from outside: what MailboxName::parse takes and this account may have.
  Result<MailboxName> parse_name(std::string_view utf8) const;

  /// Stores a message; once Delivered it survives a power cut. In a Maildir a repeated attempt (the
  /// same queue id, number and arrival) stores nothing new while the first is still there; an mbox
  /// can't tell. Never throws away: what does not fit any outcome is a Retry with its remedy.
  virtual DeliveryOutcome deliver(const Delivery& delivery, DeliveryFilter& filter) = 0;

  /// All folders, INBOX first, then by name; parents that exist by their children alone are in
  /// it as not selectable.
  virtual Result<std::vector<Folder>> list() = 0;
  /// Also names that no longer exist (RFC 9051 section 6.3.9.1).
  virtual Result<std::vector<MailboxName>> subscriptions() = 0;
  /// Whether there was ever a subscription; false: no mail program has used this account yet.
  virtual bool was_ever_subscribed() const = 0;
  virtual Result<void> subscribe(const MailboxName& name) = 0;
  virtual Result<void> unsubscribe(const MailboxName& name) = 0;

  virtual Result<void> create(const MailboxName& name) = 0;
  /// A name that others are to be made below (RFC 9051 section 6.3.4: CREATE with a separator at
  /// its end): where messages and folders can't be in one, it holds folders alone.
  virtual Result<void> create_parent(const MailboxName& name) { return create(name); }
  /// Cannot for INBOX. Folders below stay.
  virtual Result<void> remove(const MailboxName& name) = 0;
  /// With all below it. Of INBOX: its messages move, and INBOX stays (RFC 9051 section 6.3.6).
  virtual Result<void> rename(const MailboxName& from, const MailboxName& to) = 0;

  virtual Result<Status> status(const MailboxName& name, bool with_size = false) = 0;
  /// NonExistent unless it is INBOX, which is created. Comes back synced once.
  virtual Result<std::unique_ptr<Mailbox>> open(const MailboxName& name, Access access) = 0;
  /// Durable, all or none; need not open the folder. NonExistent (the caller turns it to
  /// TryCreate), OverQuota, Limit.
  virtual Result<Appended> append(const MailboxName& name,
                                  std::span<const NewMessage> messages) = 0;

  /// Whether so much more fits under the quota as it is now, before it is stored: OverQuota.
  virtual Result<void> check_room(std::uint64_t bytes, std::uint64_t messages) = 0;
  /// What the account holds; an mbox store has no quota and counts file sizes.
  virtual Result<Usage> usage() = 0;

 protected:
  /// Cannot for a name that leads to what the account keeps for other purposes.
  virtual Result<void> check_name(const MailboxName&) const { return {}; }
};

}  // namespace pennypost::store
