// Reads a Maildir folder's `dovecot-uidlist`, which gives each file name its UID, and assigns new
// UIDs.
//
//   file   = "3" SP "V" uidvalidity SP "N" next-uid [SP "G" guid] *(SP letter value) LF *record
//   record = uid *(SP letter value) SP ":" base-name LF            ascending by uid
//
// This is version 3 of Dovecot's format. UIDs are assigned only under `dovecot-uidlist.lock`, by
// appending records; N may then lag behind, so the next UID is the greater of N and the last
// record's UID + 1. Records of files that are gone are dropped when the file is rewritten (beside,
// and renamed). A last line without LF is still being written, and is not read. The same base name
// may occur twice: the later UID counts. A file that can't be parsed is set aside as
// `dovecot-uidlist.damaged`, and all UIDs are assigned anew under a new UIDVALIDITY. Version 1 is
// read and rewritten as 3.
//
// Records are passed on as they are read and not kept: whoever opens a folder keeps those whose
// files exist. This object remembers only how far the file was read, so that only what others
// appended is read again.
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
#include "store/mailbox/message.h"

namespace pennypost::store {

/// What was read of the list; the views live as long as this object does.
class UidRecords {
 public:
  struct Record {
    Uid uid;
    std::string_view base;
    std::string_view extensions;  ///< "W123 S456", as found

    /// The number behind a letter of the extensions, as `W` (octets), if it has that.
    std::optional<std::uint64_t> extension(char letter) const;
    /// The text, as of `P` (the id for POP3) and `G` (the GUID); empty: it has none.
    std::string_view extension_text(char letter) const;
  };

  UidRecords() = default;
  explicit UidRecords(std::string text) : text_(std::make_unique<std::string>(std::move(text))) {}

  /// Whether something of the list changed, be it only its header.
  bool changed = false;
  /// Whether these are all, and what was read before is void; else they follow what was read.
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

  /// `new_uid_validity` gives the UIDVALIDITY of a list made anew. `brief_lock_ms` as StoreSettings
  /// has it.
  UidList(std::string directory, std::function<Result<std::uint32_t>()> new_uid_validity,
          int brief_lock_ms = 0);

  /// Reads what changed since the last time. No file: an empty list, with UIDVALIDITY 0 until the
  /// first give().
  Result<UidRecords> refresh();
  /// Reads all of it, whatever was read before.
  Result<UidRecords> reread();

  std::uint32_t uid_validity() const { return mark_.uid_validity; }
  Uid uid_next() const { return Uid(mark_.next_uid); }
  /// The folder's GUID, 32 hexadecimal digits; empty where the file has none.
  std::string_view guid() const;
  /// What names the folder in the index: its GUID, or its path where it has none.
  std::string identity() const { return guid().empty() ? directory_ : std::string(guid()); }
  /// How many records it has. Not all of their files need exist.
  std::size_t count() const { return mark_.count; }
  /// The stamp of the file as last read, for who mirrors it.
  const FileStamp& stamp() const { return mark_.stamp; }

  /// How far the list was read: with it another object goes on from there.
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

    /// Takes in the whole lines of `records.text()`, which follow what was read before. False: they
    /// can't be such lines; then neither this nor `records` is of use.
    bool read(UidRecords& records);

   private:
    bool read_header(std::string_view line);
    bool read_record(std::string_view line, UidRecords& records);
  };
  const Mark& mark() const { return mark_; }
  void resume(Mark mark) { mark_ = std::move(mark); }

  /// The lock; hold it from before the refresh() to after the give(). 451 InUse after
  /// `lock_timeout`, or the brief time.
  Result<Dotlock> lock() const;
  /// Returns once no other program has the lock; errors as lock()'s.
  Result<void> await_others() const;

  /// Gives each base name the next UID and makes that durable; under the lock and refreshed. A list
  /// without UIDVALIDITY gets one (also for no names). UIDs are ascending in the order of the
  /// names: the first is given back.
  Result<Uid> give(std::span<const std::string_view> bases, const Dotlock& held);

  /// Whether there is no file as there was no room for one: give() has given UIDs under a
  /// UIDVALIDITY that no file will ever have, so that a mailbox nobody has opened yet can be read,
  /// and messages deleted, on a full disk.
  bool is_in_memory() const { return in_memory_; }
  /// With room for a file the next refresh() finds an empty list, and all gets new UIDs.
  void leave_memory_if_room();

  /// Rewrites the file without the records for which `is_stale` says so; under the lock and
  /// refreshed.
  Result<void> drop(const std::function<bool(const Record&)>& is_stale, const Dotlock& held);

  const std::string& path() const { return path_; }

 private:
  bool goes_on(int descriptor) const;
  Result<UidRecords> read_from(int descriptor, std::uint64_t offset, const FileStamp& stamp);
  Result<void> set_aside(const FileStamp& damaged);
  Result<void> rewrite(std::string_view added, const std::function<bool(const Record&)>& is_stale);
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
