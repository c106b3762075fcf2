// Replaces the end of an mbox by a new one, safe against crashes.
//
// An mbox can't be replaced by a rename: a program waiting for its lock has the old file open, and
// would deliver into a file without a name. So the new end is first written to a journal in another
// file and synced, then copied into the mbox. After a crash, whoever locks the mbox next calls
// recover(). It finishes the copying or, if the journal was incomplete, undoes the little that was
// done. Mail that other programs have appended between crash and recovery is kept.
//
//   journal = head new-end
//   head    = "pennypost-mbox" SP state SP begin SP old-size SP new-size SP hash LF, padded with
//             NULs to 128 octets
//   state   = "W" being written | "C" complete, being copied | "D" copied, to be cut to new-size
//
// While copying, the mbox has the greater of both sizes: what another program appends comes after
// that. In state D, hash covers the octets after new-size: if they are no longer there, the file
// has already been cut.
//
// SEE ALSO   gap.h (where there is no room for a journal)
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "store/mailbox/file_place.h"
#include "store/mbox/disk.h"

namespace pennypost::store {

/// The head of a journal.
struct MboxJournalHead {
  char state = 'W';
  std::uint64_t begin = 0;
  std::uint64_t old_size = 0;
  std::uint64_t new_size = 0;
  std::uint64_t hash = 0;

  /// Nothing if the text is not one that text() gives: then nothing has been done to the mbox yet.
  static std::optional<MboxJournalHead> parse(std::string_view text);
  std::string text() const;
};

class MboxJournal {
 public:
  /// `mbox` is open for reading and writing, and locked; `path` is for errors.
  MboxJournal(int mbox, std::string path, FilePlace journal, MboxDisk& disk = MboxDisk::system())
      : mbox_(mbox), path_(std::move(path)), place_(std::move(journal)), disk_(disk) {}

  /// Finishes what a crash interrupted; does nothing when there is no journal.
  Result<void> recover();

  /// Begins a new end at offset `begin` of the mbox. Then call add() or copy() for its bytes, and
  /// commit().
  Result<void> start(std::uint64_t begin);
  Result<void> add(std::string_view bytes);
  /// Bytes of the mbox itself.
  Result<void> copy(std::uint64_t from, std::uint64_t to);
  /// Puts the new end in place, durably. Until then nothing has changed.
  Result<void> commit();
  /// Discards what was begun and frees its space, after an error before commit().
  void abandon() { discard(); }

 private:
  using Head = MboxJournalHead;
  Result<void> write_head(const Head& head);
  Result<void> copy_back(const Head& head);
  Result<void> cut(const Head& head, std::uint64_t extra_begin);
  Result<void> undo(const Head& head);
  Result<void> move_down(std::uint64_t from, std::uint64_t to);
  Result<void> flush();
  Result<std::uint64_t> hash_behind(const Head& head) const;
  Result<std::uint64_t> size() const;
  void discard();

  int mbox_;
  std::string path_;
  FilePlace place_;
  MboxDisk& disk_;
  Descriptor journal_;
  Head head_;
  std::string buffer_;
};

}  // namespace pennypost::store
