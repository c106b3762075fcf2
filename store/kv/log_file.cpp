#include "store/kv/log_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "store/kv/checksum.h"
#include "store/kv/rocks.h"

namespace pennypost::store {
namespace {

constexpr std::size_t block_bytes = 32768;
constexpr std::size_t header_bytes = 7;
constexpr std::size_t zeros_tried_max = 16;  // of a fragment's last bytes may be zeros
constexpr std::size_t sector_bytes = 512;    // disks write no less at once
constexpr std::size_t batch_header_bytes = 12;

enum FragmentType : unsigned char { Zero = 0, Whole = 1, First = 2, Middle = 3, Last = 4 };
enum EntryTag : unsigned char {
  Erase = 0,
  Put = 1,
  Blob = 3,
  SingleErase = 7,
  Nothing = 13,
  EraseRange = 15
};

template <class Number>
Number little_endian(std::string_view bytes) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    number = static_cast<Number>(number | static_cast<Number>(static_cast<unsigned char>(bytes[i]))
                                              << (8 * i));
  }
  return number;
}

template <class Number>
void append(std::string& out, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    out += static_cast<char>(number >> (8 * i) & 255);
  }
}

constexpr std::uint32_t masked(std::uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}
constexpr std::uint32_t unmasked(std::uint32_t mask) {
  std::uint32_t turned = mask - 0xa282ead8u;
  return (turned >> 17) | (turned << 15);
}

// Single wrong bytes

// How one byte XORed with `delta` changes a CRC right behind it, and the way back over one byte.
struct CrcSteps {
  std::array<std::uint32_t, 256> effect;
  std::array<unsigned char, 256> by_top;  // top byte of an effect -> its delta

  CrcSteps() {
    std::string byte(1, '\0');
    std::uint32_t of_zero = crc32c(byte);
    for (unsigned delta = 0; delta < 256; ++delta) {
      byte[0] = static_cast<char>(delta);
      effect[delta] = crc32c(byte) ^ of_zero;
      by_top[effect[delta] >> 24] = static_cast<unsigned char>(delta);
    }
  }
  std::uint32_t back(std::uint32_t state) const {
    unsigned char low = by_top[state >> 24];
    return (state ^ effect[low]) << 8 | low;
  }
};

// Puts the one wrong byte of `covered` right, if exactly one byte explains the difference.
bool repair_byte(std::string& covered, std::uint32_t stored_mask) {
  static const CrcSteps steps;
  std::uint32_t computed = crc32c(covered);
  std::uint32_t mask_difference = stored_mask ^ masked(computed);
  int wrong_mask_bytes = 0;
  for (int shift = 0; shift < 32; shift += 8)
    wrong_mask_bytes += (mask_difference >> shift & 255) != 0;

  std::size_t explanations = wrong_mask_bytes == 1 ? 1 : 0;
  std::optional<std::pair<std::size_t, unsigned char>> found;
  std::uint32_t syndrome = unmasked(stored_mask) ^ computed;
  for (std::size_t i = covered.size(); i-- > 0;) {
    unsigned char delta = steps.by_top[syndrome >> 24];
    if (syndrome == steps.effect[delta]) {
      ++explanations;
      found = {i, delta};
    }
    syndrome = steps.back(syndrome);
  }
  if (explanations != 1) return false;
  if (found) {
    covered[found->first] =
        static_cast<char>(static_cast<unsigned char>(covered[found->first]) ^ found->second);
  }
  return true;
}

// Fragments

struct Fragment {
  enum State { Sound, Repaired, Damaged, Unfinished, End } state;
  unsigned char type = Zero;
  std::string payload;
  std::size_t next = 0;  // where the following one begins, within the block
};

// The fragment at `at`, if its checksum is right with this length.
bool is_sound(std::string_view block, std::size_t at, std::size_t length) {
  if (at + header_bytes + length > block.size()) return false;
  auto type = static_cast<unsigned char>(block[at + 6]);
  if (type < Whole || type > Last) return false;
  return masked(crc32c(block.substr(at + 6, 1 + length))) ==
         little_endian<std::uint32_t>(block.substr(at));
}

std::size_t length_at(std::string_view block, std::size_t at) {
  return little_endian<std::uint16_t>(block.substr(at + 4));
}

// The next place in the block where a sound fragment begins; the block's end if there is none.
std::size_t resume_after(std::string_view block, std::size_t at) {
  for (std::size_t i = at; i + header_bytes <= block.size(); ++i) {
    if (is_sound(block, i, length_at(block, i))) return i;
  }
  return block.size();
}

Fragment fragment_at(std::string_view block, std::size_t at, bool is_last_block) {
  std::size_t length = length_at(block, at);
  auto type = static_cast<unsigned char>(block[at + 6]);
  std::size_t begin = at + header_bytes;
  if (is_sound(block, at, length)) {
    return {Fragment::Sound, type, std::string(block.substr(begin, length)), begin + length};
  }
  // Zeros up to the end are room reserved by the file system.
  if (is_last_block && block.find_first_not_of('\0', at) == block.npos) {
    return {Fragment::End, Zero, "", block.size()};
  }

  // Is the length itself right? It is if it leads to where something follows.
  std::size_t follower = resume_after(block, at + 1);
  bool leads_on = begin + length == follower || begin + length == block.size() ||
                  (begin + length < block.size() && block.size() - begin - length < header_bytes);
  if (!leads_on) {
    if (is_last_block && follower == block.size() && begin + length > block.size()) {
      std::size_t rest = block.size() - begin;
      if (!is_sound(block, at, rest)) return {Fragment::Unfinished, type, "", block.size()};
    }
    if (follower < begin) return {Fragment::Damaged, Zero, "", follower};
    std::size_t right_length = follower - begin;
    if (is_sound(block, at, right_length)) {
      return {Fragment::Repaired, type, std::string(block.substr(begin, right_length)), follower};
    }
    return {Fragment::Damaged, type, std::string(block.substr(begin, right_length)), follower};
  }
  std::string covered(block.substr(at + 6, 1 + length));
  bool repaired = repair_byte(covered, little_endian<std::uint32_t>(block.substr(at)));
  auto right_type = static_cast<unsigned char>(covered[0]);
  repaired = repaired && right_type >= Whole && right_type <= Last;
  return {repaired ? Fragment::Repaired : Fragment::Damaged, repaired ? right_type : type,
          covered.substr(1), begin + length};
}

// Reserved room

bool is_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == bytes.npos; }

// Where the zeros begin that are room reserved by log_reserve.h. The last fragment may end in zeros
// of its own: its length tells, or, if that is wrong, its checksum.
std::size_t log_end(std::string_view bytes) {
  std::size_t end = bytes.find_last_not_of('\0') + 1;
  if (end == 0) return 0;
  std::size_t start = (end - 1) - (end - 1) % block_bytes;
  auto block = bytes.substr(start, block_bytes);
  std::size_t at = 0;
  while (at + header_bytes <= block.size()) {
    std::size_t sound = resume_after(block, at);
    if (sound == block.size()) break;
    at = sound + header_bytes + length_at(block, sound);
  }
  if (start + at >= end || at + header_bytes > block.size()) return std::max(start + at, end);
  std::size_t begin = at + header_bytes;
  std::size_t declared = begin + length_at(block, at);
  if (declared <= block.size() && is_zero(block.substr(declared))) return start + declared;
  for (std::size_t i = 0; i < zeros_tried_max; ++i) {
    std::size_t length = std::max(end - start, begin) + i - begin;
    if (is_sound(block, at, length)) return start + begin + length;
  }
  return end;
}

// The last write, torn by a power cut

// Whether a sector that lies in [from, to), or its part there, was never written.
bool has_unwritten_sector(std::string_view bytes, std::size_t from, std::size_t to) {
  for (std::size_t at = from; at < to;) {
    std::size_t end = std::min((at / sector_bytes + 1) * sector_bytes, to);
    if (end - at >= header_bytes && is_zero(bytes.substr(at, end - at))) return true;
    at = end;
  }
  return false;
}

// Where the last write begins, if it reached the disk in part: from there on no fragment is sound
// that begins a batch, and sectors that should hold it are zero.
std::optional<std::size_t> torn_write(std::string_view bytes) {
  std::size_t batch = 0;
  std::size_t at = 0;
  bool is_inside = false;
  while (at < bytes.size()) {
    auto block = bytes.substr(at - at % block_bytes, block_bytes);
    std::size_t place = at % block_bytes;
    if (place + header_bytes > block.size()) {
      at += block.size() - place;
      continue;
    }
    std::size_t length = length_at(block, place);
    if (!is_sound(block, place, length)) break;
    auto type = static_cast<unsigned char>(block[place + 6]);
    if (!is_inside) batch = at;
    is_inside = type == First || type == Middle;
    at += header_bytes + length;
  }
  if (!is_inside) batch = at;
  if (at >= bytes.size()) return {};
  std::size_t end = bytes.find_last_not_of('\0') + 1;
  if (end <= at) return is_inside ? std::optional(batch) : std::nullopt;  // reserved room

  std::size_t limit = std::max(at, end);
  for (std::size_t i = at; i < limit;) {
    auto block = bytes.substr(i - i % block_bytes, block_bytes);
    std::size_t place = resume_after(block, i % block_bytes);
    i += place - i % block_bytes;
    if (place == block.size()) continue;
    auto type = static_cast<unsigned char>(block[place + 6]);
    if (type == Whole || type == First) return {};
    i += header_bytes + length_at(block, place);
  }
  auto rest = bytes.substr(at, std::min(block_bytes - at % block_bytes, bytes.size() - at));
  auto declared = rest.size() < header_bytes ? 0 : header_bytes + length_at(rest, 0);
  limit = std::min(std::max(limit, at + std::max(declared, header_bytes)), bytes.size());
  if (has_unwritten_sector(bytes, at, limit)) return batch;
  return {};
}

// Batches

struct EntryView {
  EntryTag tag;
  std::string_view first;
  std::string_view second;
};

bool take_text(std::string_view& bytes, std::string_view& text) {
  std::uint32_t length = 0;
  for (int shift = 0; shift <= 28; shift += 7) {
    if (bytes.empty()) return false;
    auto byte = static_cast<unsigned char>(bytes[0]);
    bytes.remove_prefix(1);
    length |= static_cast<std::uint32_t>(byte & 127) << shift;
    if (byte < 128) {
      if (length > bytes.size()) return false;
      text = bytes.substr(0, length);
      bytes.remove_prefix(length);
      return true;
    }
  }
  return false;
}

std::optional<EntryView> take_entry(std::string_view& bytes) {
  if (bytes.empty()) return {};
  EntryView entry{static_cast<EntryTag>(bytes[0]), {}, {}};
  auto rest = bytes.substr(1);
  bool whole = false;
  switch (entry.tag) {
    case Erase:
    case SingleErase:
    case Blob:
      whole = take_text(rest, entry.first);
      break;
    case Put:
    case EraseRange:
      whole = take_text(rest, entry.first) && take_text(rest, entry.second);
      break;
    case Nothing:
      whole = true;
      break;
  }
  if (!whole) return {};
  bytes = rest;
  return entry;
}

class Reader {
 public:
  LogContent read(std::string_view bytes) {
    for (std::size_t start = 0; start < bytes.size(); start += block_bytes) {
      auto block = bytes.substr(start, block_bytes);
      read_block(block, start, start + block_bytes >= bytes.size());
    }
    if (joining_) finish();
    return std::move(content_);
  }

 private:
  void read_block(std::string_view block, std::size_t start, bool is_last) {
    std::size_t at = 0;
    while (at + header_bytes <= block.size()) {
      auto fragment = fragment_at(block, at, is_last);
      bool is_sound = fragment.state != Fragment::Repaired && fragment.state != Fragment::Damaged;
      if (!is_sound && content_.places.size() < damaged_places_max) {
        content_.places.push_back(start + at);
      }
      at = fragment.next;
      switch (fragment.state) {
        case Fragment::End:
          return;
        case Fragment::Unfinished:
          content_.unfinished_tail = true;
          joining_ = false;
          joined_.clear();
          return;
        case Fragment::Repaired:
          ++content_.repaired;
          break;
        case Fragment::Damaged:
          ++content_.damaged;
          suspect_ = true;
          break;
        case Fragment::Sound:
          break;
      }
      join(fragment);
      if (content_.is_sound() && !joining_) content_.sound_bytes = start + at;
    }
  }

  void join(const Fragment& fragment) {
    bool begins = fragment.type == Whole || fragment.type == First;
    if (begins && joining_) finish();  // its end is lost
    if (begins) joining_ = true;
    if (!joining_) return;  // its beginning is lost
    joined_ += fragment.payload;
    if (fragment.state == Fragment::Damaged) suspect_ = true;
    if (fragment.type == Whole || fragment.type == Last) finish();
  }

  // A joined batch, whole or not, becomes runs of entries that can be trusted.
  void finish() {
    std::string joined = std::move(joined_);
    bool suspect = suspect_;
    joined_.clear();
    joining_ = suspect_ = false;
    if (joined.size() < batch_header_bytes) return;
    std::string_view bytes = joined;
    auto sequence = little_endian<std::uint64_t>(bytes);
    auto count = little_endian<std::uint32_t>(bytes.substr(8));
    if (expected_ != 0 && sequence != expected_) {
      // A sequence that jumps back or far ahead is itself what was damaged.
      if (suspect && (sequence < expected_ || sequence > expected_ + 1'000'000))
        sequence = expected_;
      if (sequence > expected_) count_missing(sequence - expected_);
    }
    bytes.remove_prefix(batch_header_bytes);

    LogBatch run{sequence, 0, ""};
    std::uint64_t next = sequence;
    while (!bytes.empty()) {
      auto before = bytes;
      auto entry = take_entry(bytes);
      if (!entry) break;
      bool counts = entry->tag != Blob && entry->tag != Nothing;
      if (!counts) continue;
      // A hole of zeros reads like erasures of nothing.
      if (suspect && (entry->first.empty() || next - sequence >= count)) break;
      bool trusted = !suspect || entry->tag != Put || unguard_value(entry->first, entry->second);
      if (trusted) {
        run.entries += before.substr(0, before.size() - bytes.size());
        ++run.count;
      } else {
        content_.lost_keys.emplace_back(entry->first);
        flush(run);
        run = LogBatch{next + 1, 0, ""};
      }
      ++next;
    }
    flush(run);
    std::uint64_t end = suspect ? next : std::max(next, sequence + count);
    if (suspect && count > next - sequence && count < 1'000'000) end = sequence + count;
    if (end > next) count_missing(end - next);
    expected_ = end;
  }

  void flush(LogBatch& run) {
    if (run.count > 0) content_.batches.push_back(std::move(run));
  }
  void count_missing(std::uint64_t entries) { content_.lost_unnamed += entries; }

  LogContent content_;
  std::string joined_;
  bool joining_ = false;
  bool suspect_ = false;
  std::uint64_t expected_ = 0;
};

}  // namespace

LogContent read_log(std::string_view bytes) {
  auto content = Reader().read(bytes.substr(0, log_end(bytes)));
  bool may_be_torn = content.damaged > 0 || content.lost_unnamed > 0;
  auto torn = may_be_torn ? torn_write(bytes) : std::nullopt;
  if (!torn) return content;
  content = Reader().read(bytes.substr(0, *torn));
  content.unfinished_tail = true;
  content.sound_bytes = *torn;
  return content;
}

std::string write_log(const std::vector<LogBatch>& batches) {
  std::string file;
  for (const auto& batch : batches) {
    std::string joined;
    append(joined, batch.sequence);
    append(joined, batch.count);
    joined += batch.entries;
    std::string_view rest = joined;
    bool first = true;
    do {
      std::size_t left = block_bytes - file.size() % block_bytes;
      if (left < header_bytes) {
        file.append(left, '\0');
        left = block_bytes;
      }
      auto payload = rest.substr(0, left - header_bytes);
      rest.remove_prefix(payload.size());
      auto type = rest.empty() ? (first ? Whole : Last) : (first ? First : Middle);
      std::string covered(1, static_cast<char>(type));
      covered += payload;
      append(file, masked(crc32c(covered)));
      append(file, static_cast<std::uint16_t>(payload.size()));
      file += covered;
      first = false;
    } while (!rest.empty());
  }
  return file;
}

}  // namespace pennypost::store
