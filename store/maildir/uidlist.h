// A Maildir folder's `dovecot-uidlist` in, the UID of each file name out; new UIDs given.
//
//   file   = "3" SP "V" uidvalidity SP "N" next-uid [SP "G" guid] *(SP letter value) LF *record
//   record = uid *(SP letter value) SP ":" base-name LF            ascending by uid
//
// Version 3 of Dovecot's format. UIDs are given under `dovecot-uidlist.lock` alone, by appending
// records; N may then lag behind, so the next UID is the greater of N and the last record's UID
// + 1. Records of files that are gone are dropped when the file is rewritten (beside, and renamed).
// A last line without LF is one that is still being written, and is not read. The same base name
// may stand there twice: the later UID counts. A file that can't be parsed is set aside as
// `dovecot-uidlist.damaged`, and all UIDs are given anew under a new UIDVALIDITY. Version 1 is read
// and rewritten as 3.
//
// SEE ALSO   uidvalidity.h (where UIDVALIDITY comes from), folder.h (who asks)
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/dotlock.h"
#include "store/mailbox/file.h"
#include "store/mailbox/message.h"

namespace pennypost::store {

class UidList {
 public:
  struct Record {
    Uid uid;
    std::string base;
    std::string extensions;  ///< "W123 S456", kept as found
  };

  /// `new_uid_validity` gives the UIDVALIDITY of a list made anew.
  UidList(std::string directory, std::function<Result<std::uint32_t>()> new_uid_validity);

  /// Reads what changed since the last time; true when something did. No file: an empty list,
  /// with UIDVALIDITY 0 until the first give().
  Result<bool> refresh();

  std::uint32_t uid_validity() const { return uid_validity_; }
  Uid uid_next() const { return Uid(next_uid_); }
  /// The folder's GUID, 32 hexadecimal digits; empty where the file has none.
  std::string_view guid() const;
  /// The number behind a letter of a record's extensions, as `W` (octets), if it has that.
  std::optional<std::uint64_t> extension(Uid uid, char letter) const;
  /// Ascending by UID. Not all of their files need exist.
  const std::vector<Record>& records() const { return records_; }
  /// The stamp of the file as last read, for who mirrors it.
  const FileStamp& stamp() const { return stamp_; }

  /// The lock; hold it from before the refresh() to after the give().
  Result<Dotlock> lock() const;

  /// Gives each base name the next UID and makes that durable; under the lock and refreshed. A list
  /// without UIDVALIDITY gets one (also for no names). UIDs are ascending in the order of the
  /// names.
  Result<std::vector<Uid>> give(const std::vector<std::string>& bases, const Dotlock& held);

  /// Drops the records of these UIDs (ascending) and rewrites the file; under the lock and
  /// refreshed.
  Result<void> drop(const std::vector<Uid>& gone, const Dotlock& held);

  const std::string& path() const { return path_; }

 private:
  Result<void> read_from(int descriptor, std::uint64_t offset, const FileStamp& stamp);
  bool parse_header(std::string_view line);
  bool parse_record(std::string_view line);
  Result<void> set_aside();
  Result<void> rewrite();
  void cut_half_line() const;
  void forget();

  std::string directory_;
  std::string path_;
  std::function<Result<std::uint32_t>()> new_uid_validity_;

  std::uint32_t uid_validity_ = 0;
  std::uint32_t next_uid_ = 1;
  std::string header_extensions_;  // "Gguid Xother"
  std::vector<Record> records_;
  bool old_version_ = false;
  std::uint64_t read_bytes_ = 0;  // of the file, up to the last whole line
  FileStamp stamp_;
};

/// Random, in Dovecot's form: 32 hexadecimal digits.
std::string new_guid();

}  // namespace pennypost::store
