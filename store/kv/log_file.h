// Reads and writes RocksDB's write-ahead log, and recovers batches from a damaged one.
//
//   log      = block*                  each 32768 bytes; the last may be shorter
//   block    = fragment* zeros         the zeros where fewer than 7 bytes remain
//   fragment = crc32 length16 type8 payload      type: 1 whole, 2 first, 3 middle, 4 last
//   batch    = sequence64 count32 entry*         the joined payloads
//   entry    = 0 key | 1 key value | 7 key | 15 begin end | 3 blob | 13
//
// Numbers are little-endian; a varint32 length precedes each key and value. The crc is a CRC-32C of
// type and payload, masked. Entries are erase, put, single_erase and erase_range; the kinds 3 and
// 13 carry no data of ours.
//
// A damaged file is read as follows. A fragment with a single wrong byte is repaired: the CRC is
// linear, so it tells which byte. From a fragment that can't be repaired, only entries with a
// correct value checksum are taken. Where a length is lost, reading continues at the next fragment
// of the block whose checksum is right. An unfinished fragment at the very end is a write that was
// never acknowledged. So is an unsound last batch in which whole sectors are zero: the log lay in
// preallocated space (log_reserve.h), and a power cut came before all of it was written.
//
// SEE ALSO   salvage.h (who uses it)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost::store {

/// Erased by the first entry of each preallocated log; no real key looks like this.
inline constexpr std::string_view log_filler_key = "\xff\xff filler";

inline constexpr std::size_t damaged_places_max = 100;  // remembered for one log

/// A run of entries as they stand in the log, with the sequence number of the first.
struct LogBatch {
  std::uint64_t sequence;
  std::uint32_t count;
  std::string entries;
};

struct LogContent {
  std::vector<LogBatch> batches;
  std::vector<std::string> lost_keys;  ///< entries that were damaged, but whose keys could be read
  std::uint64_t lost_unnamed = 0;      ///< entries missing in the sequence, beyond lost_keys
  std::size_t repaired = 0;            ///< fragments put right exactly
  std::size_t damaged = 0;             ///< fragments that could not be put right
  std::vector<std::size_t> places;     ///< where those of both kinds begin, in octets of the file
  bool unfinished_tail = false;        ///< the last write was cut off
  std::size_t sound_bytes = 0;         ///< up to here all was well at the first reading

  bool is_sound() const { return repaired == 0 && damaged == 0; }
};

LogContent read_log(std::string_view bytes);

/// The log file that holds these batches.
std::string write_log(const std::vector<LogBatch>& batches);

}  // namespace pennypost::store
