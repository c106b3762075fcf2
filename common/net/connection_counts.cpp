#include "common/net/connection_counts.h"

#include <sys/mman.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>

#include "common/base/assert.h"

namespace pennypost {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

std::array<std::uint64_t, 2> random_key() {
  std::array<std::uint64_t, 2> key{};
  ASSERT(getrandom(key.data(), sizeof key, 0) == static_cast<ssize_t>(sizeof key));
  return key;
}

/// The XOR of both halves of the product of two words: one step of a fast keyed hash.
std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) {
  __extension__ typedef unsigned __int128 Wide;  // NOLINT: using takes no __extension__
  Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

// The master's side

ConnectionTable::ConnectionTable() : taken_(slices_max) {
  // The kernel provides zeroed pages when they are touched, which initializes the atomics of
  // Shared.
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  shared_ = static_cast<Shared*>(memory);
  shared_->key = random_key();
}

ConnectionTable::~ConnectionTable() { unmap(); }

void ConnectionTable::unmap() {
  if (shared_ != nullptr) munmap(std::exchange(shared_, nullptr), sizeof(Shared));
}

std::optional<std::size_t> ConnectionTable::take() {
  auto free = std::ranges::find(taken_, false);
  if (shared_ == nullptr || free == taken_.end()) return std::nullopt;
  *free = true;
  auto slice = static_cast<std::size_t>(free - taken_.begin());
  shared_->used.store(std::max(shared_->used.load(relaxed), slice + 1), relaxed);
  return slice;
}

void ConnectionTable::give_back(std::size_t slice) {
  Slice& memory = shared_->slices.at(slice);
  // Frees the pages as well; if the system can't, they are zeroed.
  if (madvise(&memory, sizeof memory, MADV_REMOVE) != 0) {
    std::memset(static_cast<void*>(&memory), 0, sizeof memory);
  }
  taken_.at(slice) = false;
}

// The child's side

ConnectionCounts::ConnectionCounts(ConnectionTable* table, std::optional<std::size_t> slice) {
  if (table != nullptr && slice) {
    shared_ = table->shared_;
    own_ = &shared_->slices.at(*slice);
    key_ = shared_->key;
  } else {
    private_ = std::make_unique<Slice>();
    own_ = private_.get();
    key_ = random_key();
  }
}

void ConnectionCounts::Place::leave() {
  if (open_ == nullptr) return;
  // Only this process writes here, so no atomic subtraction is needed.
  open_->store(open_->load(relaxed) - 1, relaxed);
  open_ = nullptr;
}

std::uint64_t ConnectionCounts::hash(const IpAddress& client) const {
  auto block = client.client_block();
  auto bytes = block.bytes();
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), std::min(bytes.size(), sizeof word));
  std::uint64_t mixed = folded_product(word ^ key_[0], key_[1] | 1);
  return folded_product(mixed ^ bytes.size(), key_[0] | 1);
}

ConnectionCounts::Counted ConnectionCounts::enter(const IpAddress& client, std::uint32_t unit) {
  std::uint64_t hashed = hash(client);
  auto tag = static_cast<std::uint32_t>(hashed >> 32) | 1;
  std::size_t at = hashed % std::tuple_size_v<Slice>;
  Counted counted;
  if (Entry* entry = find_or_make((*own_)[at], tag, unit)) {
    entry->open.store(entry->open.load(relaxed) + 1, relaxed);
    entry->in_unit.store(entry->in_unit.load(relaxed) + 1, relaxed);
    counted.place = Place(entry->open);
  }
  if (shared_ == nullptr) {
    add((*own_)[at], tag, unit, counted);
    return counted;
  }
  std::size_t used = shared_->used.load(relaxed);
  for (std::size_t i = 0; i < used; ++i) add(shared_->slices[i][at], tag, unit, counted);
  return counted;
}

/// The client's entry in this process's slice; null if the bucket is full of others.
ConnectionCounts::Entry* ConnectionCounts::find_or_make(Bucket& bucket, std::uint32_t tag,
                                                        std::uint32_t unit) {
  Entry* place = nullptr;
  for (Entry& entry : bucket) {
    if (entry.tag.load(relaxed) == tag) {
      place = &entry;
      break;
    }
    bool is_free = entry.open.load(relaxed) == 0;
    // A free entry that still has a rate for this unit is reused only if there is no other.
    bool is_done = is_free && (unit == 0 || entry.unit.load(relaxed) != unit);
    if (is_done || (is_free && place == nullptr)) place = &entry;
  }
  if (place == nullptr) return nullptr;
  bool is_another = place->tag.load(relaxed) != tag;
  if (is_another || place->unit.load(relaxed) != unit) {
    place->in_unit.store(0, relaxed);
    place->unit.store(unit, relaxed);
  }
  if (is_another) place->tag.store(tag, relaxed);
  return place;
}

void ConnectionCounts::add(const Bucket& bucket, std::uint32_t tag, std::uint32_t unit,
                           Counted& counted) {
  for (const Entry& entry : bucket) {
    if (entry.tag.load(relaxed) != tag) continue;
    counted.open += entry.open.load(relaxed);
    if (unit != 0 && entry.unit.load(relaxed) == unit)
      counted.in_unit += entry.in_unit.load(relaxed);
    return;
  }
}

}  // namespace pennypost
