#include "store/search/entries.h"

#include "common/crypto/random.h"
#include "store/search/varint.h"

namespace pennypost::store {
namespace {

constexpr std::size_t digest_octets = 16;

std::string hex8(std::uint32_t number) {
  std::string out;
  for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[number >> shift & 15];
  return out;
}

}  // namespace

std::string folder_key(const WordFolder& folder) {
  return 'F' + sha256(folder.id).substr(0, digest_octets) + '/';
}

std::string blocks_key(const WordFolder& folder) {
  return folder_key(folder) + hex8(folder.uid_validity) + '/';
}

std::string block_key(const WordFolder& folder, std::uint32_t block) {
  return blocks_key(folder) + hex8(block);
}

std::string encode_entries(const std::vector<WordEntry>& entries) {
  std::string out;
  std::uint32_t uid = 0;
  std::int64_t document = 0;
  for (const auto& entry : entries) {
    append_varint(out, entry.uid.value() - uid);
    auto distance = static_cast<std::int64_t>(entry.document) - document;
    auto zigzag = static_cast<std::uint64_t>(distance) << 1;
    if (distance < 0) zigzag = ~zigzag;
    append_varint(out, zigzag << 1 | (entry.is_cut ? 1 : 0));
    uid = entry.uid.value();
    document = entry.document;
  }
  return out;
}

std::optional<std::vector<WordEntry>> decode_entries(std::string_view text) {
  std::vector<WordEntry> entries;
  std::uint64_t uid = 0;
  std::int64_t document = 0;
  while (!text.empty()) {
    auto distance = take_varint(text);
    auto rest = take_varint(text);
    if (!distance || !rest || *distance == 0) return std::nullopt;
    auto zigzag = *rest >> 1;
    auto step = static_cast<std::int64_t>(zigzag >> 1);
    document += (zigzag & 1) != 0 ? -step - 1 : step;
    uid += *distance;
    if (uid > UINT32_MAX || document <= 0 || document > INT64_C(0xffffffff)) return std::nullopt;
    if (entries.size() == entries_per_block) return std::nullopt;
    entries.push_back({Uid(static_cast<std::uint32_t>(uid)), static_cast<std::uint32_t>(document),
                       (*rest & 1) != 0});
  }
  return entries;
}

}  // namespace pennypost::store
