// Removes messages from an mbox in place, when there is no space for a journal.
//
// The octets to remove become a gap, which then moves through the file: bytes after it are copied
// to its beginning, or bytes before it to its end. At the end of the file it is cut off. Each step
// first records where the gap will be and which bytes are copied, in a small file that was
// preallocated while there was space; then it copies them. So if a crash interrupts a step,
// recover() repeats that step and closes the gap. Messages that were not yet removed stay: none is
// lost or duplicated. Mail that other programs have appended since is kept.
//
//   reserve = half half
//   half    = record payload            32 KiB; the two are written alternately
//   record  = "pennypost-gap" SP state SP sequence SP begin SP end SP size SP at SP carried SP hash
//             SP sum LF, padded with NULs to 512 octets
//   state   = "G" the gap is moving | "F" it is about to be cut off
//
//   begin, end   of the gap once the step is done
//   size         of the mbox before anything was cut off: if it is shorter now, another program has
//                rewritten it, and the record is void
//   at, carried  the payload's first `carried` octets belong at offset `at` of the mbox
//   hash         G: of these octets. F: of the gap's first 64 KiB, gone once it is cut off
//   sum          of the record's text before it
//
// The record with the higher sequence counts. If its payload is incomplete (a power cut before both
// were synced), that step has not touched the mbox yet, and the other record counts. NULs are not a
// record: no gap is open.
//
// Overwriting needs no space on ext4, XFS and tmpfs. A copy-on-write file system (btrfs, ZFS) may
// refuse it on a full disk: usually at the first record, and then nothing has changed; if later,
// the mailbox answers "no space" until there is some, and recover() completes the step.
//
// SEE ALSO   journal.h (with room), writer.h (the caller)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "store/mailbox/file_place.h"
#include "store/mbox/disk.h"

namespace pennypost::store {

struct MboxGapRecord {
  static constexpr std::size_t bytes = 512;

  char state = 'G';
  std::uint64_t sequence = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t size = 0;
  std::uint64_t at = 0;
  std::uint64_t carried = 0;
  std::uint64_t hash = 0;

  /// Nothing if the text is not one that text() gives.
  static std::optional<MboxGapRecord> parse(std::string_view text);
  std::string text() const;
};

class MboxGap {
 public:
  static constexpr std::uint64_t reserve_bytes = 64 << 10;
  static constexpr std::uint64_t payload_bytes_max = reserve_bytes / 2 - MboxGapRecord::bytes;

  /// `mbox` is open for reading and writing, and locked; `path` is for errors.
  MboxGap(int mbox, std::string path, FilePlace reserve, MboxDisk& disk = MboxDisk::system())
      : mbox_(mbox), path_(std::move(path)), place_(std::move(reserve)), disk_(disk) {}

  /// Preallocates the reserve; there is none if there is no space for it.
  static Result<void> lay_out(const FilePlace& reserve, MboxDisk& disk = MboxDisk::system());

  /// Closes a gap left by a crash; does nothing if there is none, or no reserve.
  Result<void> recover();

  /// Removes the octets from `begin` to `end`, leaving a gap, which close() closes. On error
  /// nothing was changed.
  Result<void> open(std::uint64_t begin, std::uint64_t end);
  /// Moves the gap towards the end of the file, or towards its beginning.
  Result<void> advance(std::uint64_t octets);
  Result<void> retreat(std::uint64_t octets);
  /// Replaces the `octets` after the gap by `bytes`, which must fit.
  bool fits(std::uint64_t octets, std::string_view bytes) const;
  Result<void> replace(std::uint64_t octets, std::string_view bytes);
  /// Moves the gap to the end and cuts it off, durably.
  Result<void> close();

  std::uint64_t begin() const { return record_.begin; }
  std::uint64_t end() const { return record_.end; }

 private:
  Result<void> step(std::string_view bytes, std::uint64_t at, std::uint64_t begin,
                    std::uint64_t end);
  Result<void> write_record(std::string_view payload);
  Result<std::optional<MboxGapRecord>> read_record(int half) const;
  Result<std::string> payload_of(const MboxGapRecord& record) const;
  Result<bool> is_open() const;
  Result<void> repeat_step();
  Result<void> forget();
  Result<std::uint64_t> hash_of_gap() const;
  Result<std::uint64_t> size() const;
  Result<std::string> read(std::uint64_t from, std::uint64_t octets) const;

  int mbox_;
  std::string path_;
  FilePlace place_;
  MboxDisk& disk_;
  Descriptor reserve_;
  MboxGapRecord record_;
};

}  // namespace pennypost::store
