// Reads a Maildir folder's `dovecot-uidlist`, which gives each file name its UID, and assigns new
// UIDs.
//
//   file   = "3" SP "V" uidvalidity SP "N" next-uid [SP "G" guid] [SP "R" renewal]
//            *(SP letter value) LF *record
//   record = uid *(SP letter value) SP ":" base-name LF            ascending by uid
//
// This is version 3 of Dovecot's format. UIDs are assigned only under `dovecot-uidlist.lock`, by
// appending records; N may then lag behind, so the next UID is the greater of N and the last
// record's UID + 1. Records of files that are gone are dropped when the file is rewritten (beside,
// and renamed). A last line without LF is still being written, and is not read. If a base name
// occurs twice, the later UID counts. A file that can't be parsed is renamed to
// `dovecot-uidlist.damaged`, and all UIDs are assigned again under a new UIDVALIDITY. Version 1 is
// read and rewritten as 3.
//
// Records are passed on as they are read and not kept: the open folder keeps those whose files
// exist. This object remembers only how far the file was read, so that only what others appended is
// read again.
//
// SEE ALSO   uidvalidity.h (where UIDVALIDITY comes from), shared_folder.h (who asks)
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/dotlock.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// What was read of the list; the views are valid as long as this object.
class UidRecords {
 public:
  struct Record {
    Uid uid;
    std::string_view base;
    std::string_view extensions;  ///< "W123 S456", as found

    /// The number after a letter in the extensions, such as `W` (octets), if there is one.
    std::optional<std::uint64_t> extension(char letter) const;
    /// The text after a letter, such as `P` (the id for POP3) or `G` (the GUID); empty if there is
    /// none.
    std::string_view extension_text(char letter) const;
  };

  UidRecords() = default;
  explicit UidRecords(std::string text) : text_(std::make_unique<std::string>(std::move(text))) {}

  /// Whether anything in the list has changed, even if only its header.
  bool changed = false;
  /// Whether these are all records, and those read before are void; else they follow those.
  bool anew = false;
  std::vector<Record> all;

  std::string_view text() const { return text_ ? std::string_view(*text_) : std::string_view(); }

 private:
  std::unique_ptr<std::string> text_;
};

/// How long Dovecot waits for the lock: two minutes, the age at which it breaks one, and two
/// seconds.
inline constexpr std::chrono::seconds uidlist_lock_timeout{122};

class UidList {
 public:
  using Record = UidRecords::Record;

  /// `new_uid_validity` returns the UIDVALIDITY for a new list. `brief_lock_ms` as in
  /// StoreSettings.
  UidList(std::string directory, std::function<Result<std::uint32_t>()> new_uid_validity,
          int brief_lock_ms = 0);

  /// Reads what has changed since the last call. If there is no file, the list is empty, with
  /// UIDVALIDITY 0 until the first give().
  Result<UidRecords> refresh();
  /// Reads the whole file, whatever was read before.
  Result<UidRecords> reread();

  std::uint32_t uid_validity() const { return mark_.uid_validity; }
  Uid uid_next() const { return Uid(mark_.next_uid); }
  /// The folder's GUID, 32 hexadecimal digits; empty if the file has none.
  std::string_view guid() const;
  /// The folder's identity in the index: its GUID, or its path if it has none; another one after
  /// each renew().
  std::string identity() const;
  /// The number of records. Not all of their files need exist.
  std::size_t count() const { return mark_.count; }
  /// The stamp of the file when it was last read.
  const FileStamp& stamp() const { return mark_.stamp; }

  /// How far the list was read; another object can resume from it.
  struct Mark {
    std::uint32_t uid_validity = 0;
    std::uint32_t next_uid = 1;
    std::uint32_t last_uid = 0;    // of the last record
    std::uint32_t count = 0;       // of records
    std::uint64_t read_bytes = 0;  // of the file, up to the last whole line
    FileStamp stamp;
    bool old_version = false;
    bool has_ids = false;           // a record with P or G was among them
    std::string header_extensions;  // "Gguid Xother"
    friend bool operator==(const Mark&, const Mark&) = default;

    /// Parses the complete lines of `records.text()`, which follow what was read before. False if
    /// they are malformed; then neither this nor `records` is usable.
    bool read(UidRecords& records);

   private:
    bool read_header(std::string_view line);
    bool read_record(std::string_view line, UidRecords& records);
  };
  const Mark& mark() const { return mark_; }
  void resume(Mark mark) { mark_ = std::move(mark); }

  /// Takes the lock; hold it from before the refresh() until after the give(). 451 InUse after
  /// uidlist_lock_timeout, or brief_lock_ms.
  Result<Dotlock> lock() const;
  /// Returns once no other program has the lock; the errors of lock().
  Result<void> await_others() const;

  /// Gives each base name the next UID and makes that durable; the list must be locked and
  /// refreshed. A list without UIDVALIDITY gets one (even if there are no names). UIDs ascend in
  /// the order of the names; the first one is returned.
  Result<Uid> give(std::span<const std::string_view> bases, const Dotlock& held);

  /// Whether the list exists only in memory, since there was no space for a file: give() has then
  /// used a UIDVALIDITY that no file will ever have, so that a mailbox nobody has opened yet can be
  /// read, and messages deleted, on a full disk.
  bool is_in_memory() const { return in_memory_; }
  /// If there is space for a file, the next refresh() finds an empty list, and all messages get new
  /// UIDs.
  void leave_memory_if_room();

  /// Rewrites the file with these ids for POP3 (ascending by UID) as the P field of the records
  /// that have none; the list must be locked and refreshed.
  Result<void> keep_unique_ids(std::span<const StoredIds> ids, const Dotlock& held);

  /// Rewrites the file without the records that `is_stale` selects; the list must be locked and
  /// refreshed.
  Result<void> drop(const std::function<bool(const Record&)>& is_stale, const Dotlock& held);

  /// The same, so that the folder has another identity() from then on: what an index has of it is
  /// void. The header gets a field R, which Dovecot keeps and does not know.
  Result<void> renew(const std::function<bool(const Record&)>& is_stale, const Dotlock& held);

  const std::string& path() const { return path_; }
  /// Where the list lies: the folder, unless CONTROL= says otherwise.
  const std::string& directory() const { return directory_; }

 private:
  std::string_view header_text(char letter) const;
  bool goes_on(int descriptor) const;
  Result<UidRecords> read_from(int descriptor, std::uint64_t offset, const FileStamp& stamp);
  Result<void> set_aside(const FileStamp& damaged);
  Result<void> rewrite(std::string_view added, const std::function<bool(const Record&)>& is_stale,
                       std::span<const StoredIds> ids = {});
  Result<void> append(std::string_view added);
  void cut_half_line() const;
  void forget() {
    mark_ = {};
    in_memory_ = false;
  }

  std::string directory_;
  std::string path_;
  std::function<Result<std::uint32_t>()> new_uid_validity_;
  int brief_lock_ms_;
  Mark mark_;
  bool in_memory_ = false;
};

/// Random, in Dovecot's form: 32 hexadecimal digits.
std::string new_guid();

}  // namespace pennypost::store
