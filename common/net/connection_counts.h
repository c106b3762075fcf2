// Counts the connections of each client over all processes of a daemon, without messages between
// them.
//
// The master maps a table of shared memory before it forks. Each accepting process has a slice of
// it to which only that process writes, and reads the other slices to know how many connections a
// client has in all: plain loads and stores, no locks, no messages. When a process ends, the master
// clears its slice. IPv6 clients are counted by their /64.
//
// A slice is a hash table of small buckets. Its keys are a keyed hash, so that nobody can choose
// addresses that fall into one bucket. A connection is not counted if its bucket is full; with ten
// thousand clients this happens to one in a thousand.
//
// LIMITS clients_per_process: beyond it fewer and fewer clients are counted; slices_max processes
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

/// The master's side: the shared memory, and which process has which slice.
class ConnectionTable {
 public:
  static constexpr std::size_t slices_max = 256;
  static constexpr std::size_t clients_per_process = 32768;

  /// Reserves address space for all slices; memory is used only as needed. If the system refuses
  /// it, each process counts for itself.
  ConnectionTable();
  ~ConnectionTable();
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  /// Takes a slice for a process about to be forked; nothing if all are taken.
  std::optional<std::size_t> take();
  /// To be called when the process that had the slice is gone.
  void give_back(std::size_t slice);
  /// In a child that accepts no connections: removes its access to the table.
  void unmap();

 private:
  friend class ConnectionCounts;
  /// One client in one process. Another process may read it half-written, which only makes a count
  /// wrong.
  struct Entry {
    std::atomic<std::uint32_t> tag;      // part of the client's hash; 0: never used
    std::atomic<std::uint32_t> open;     // connections held
    std::atomic<std::uint32_t> unit;     // the unit of time for `in_unit`
    std::atomic<std::uint32_t> in_unit;  // connections made in it
  };
  using Bucket = std::array<Entry, 8>;
  using Slice = std::array<Bucket, clients_per_process / 8>;
  struct Shared {
    std::atomic<std::size_t> used;  // slices from here on have never been taken
    std::array<std::uint64_t, 2> key;
    std::array<Slice, slices_max> slices;
  };

  Shared* shared_ = nullptr;
  std::vector<bool> taken_;
};

/// The child's side: counts this process's connections and reads all counts.
class ConnectionCounts {
 public:
  /// Without a slice or a table it only counts for this process.
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
    std::uint64_t open = 0;     // the client's connections in all processes, including this one
    std::uint64_t in_unit = 0;  // connections made in this unit of time; 0 if no unit is given
  };
  /// Counts one more connection. `unit` is the number of the current unit of time for rates, from
  /// 1; 0: no rates are needed.
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
