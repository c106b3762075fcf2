// Counts the connections of each client over all processes of a daemon, without asking any of them.
//
// The master maps a table of shared memory before it forks. Each process that accepts has a slice
// of it in which it alone writes, and reads the others' to know what a client holds in all: plain
// loads and stores, no lock, no message. What a process held is forgotten with it: the master
// clears the slice. IPv6 clients count by their /64.
//
// A slice is a hash table of small buckets. Its keys are a keyed hash, so that nobody can choose
// addresses that fall into one bucket. A connection for which its bucket has no room is not
// counted; with ten thousand clients this is one in a thousand.
//
// LIMITS  clients_per_process: beyond it fewer and fewer are counted; slices_max processes
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/net/address.h"

namespace pennypost {

class ConnectionCounts;

/// The memory that the processes share, and who has which slice of it: the master's side.
class ConnectionTable {
 public:
  static constexpr std::size_t slices_max = 256;
  static constexpr std::size_t clients_per_process = 32768;

  /// Address space for all slices; memory only for what is used. Where the system refuses it, each
  /// process counts for itself.
  ConnectionTable();
  ~ConnectionTable();
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  /// A slice for a process about to be forked; nothing where all are taken.
  std::optional<std::size_t> take();
  /// The process that had it is gone.
  void give_back(std::size_t slice);
  /// In a child that accepts nothing: it sees the table no more.
  void unmap();

 private:
  friend class ConnectionCounts;
  /// One client in one process; what another process may read of it half-written is only a number.
  struct Entry {
    std::atomic<std::uint32_t> tag;      // of its hash; 0: never used
    std::atomic<std::uint32_t> open;     // connections held
    std::atomic<std::uint32_t> unit;     // the unit of time that `in_unit` is of
    std::atomic<std::uint32_t> in_unit;  // connections made in it
  };
  using Bucket = std::array<Entry, 8>;
  using Slice = std::array<Bucket, clients_per_process / 8>;
  struct Shared {
    std::atomic<std::size_t> used;  // no slice from here on has ever been taken
    std::array<std::uint64_t, 2> key;
    std::array<Slice, slices_max> slices;
  };

  Shared* shared_ = nullptr;
  std::vector<bool> taken_;
};

/// What one process adds to the table, and reads of all: the child's side.
class ConnectionCounts {
 public:
  /// Without a slice, or a table, it counts for this process alone.
  ConnectionCounts(ConnectionTable* table, std::optional<std::size_t> slice);

  /// One connection, counted until it is destroyed; an empty one counts for nothing.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : open_(std::exchange(other.open_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      leave();
      open_ = std::exchange(other.open_, nullptr);
      return *this;
    }
    ~Place() { leave(); }
    void leave();

   private:
    friend class ConnectionCounts;
    explicit Place(std::atomic<std::uint32_t>& open) : open_(&open) {}
    std::atomic<std::uint32_t>* open_ = nullptr;
  };
  struct Counted {
    Place place;
    std::int64_t open = 0;     // connections that this client holds in all processes, this one too
    std::int64_t in_unit = 0;  // that it made in this unit of time; 0 where none is given
  };
  /// Counts one connection more. `unit` numbers the units of time over which rates count, from 1;
  /// 0: no rate is asked for.
  Counted enter(const IpAddress& client, std::uint32_t unit);

 private:
  using Entry = ConnectionTable::Entry;
  using Bucket = ConnectionTable::Bucket;
  using Slice = ConnectionTable::Slice;
  std::uint64_t hash(const IpAddress& client) const;
  static Entry* find_or_make(Bucket& bucket, std::uint32_t tag, std::uint32_t unit);
  static void add(const Bucket& bucket, std::uint32_t tag, std::uint32_t unit, Counted& counted);

  ConnectionTable::Shared* shared_ = nullptr;  // null: this process alone
  std::unique_ptr<Slice> private_;
  Slice* own_;
  std::array<std::uint64_t, 2> key_;
};

}  // namespace pennypost
