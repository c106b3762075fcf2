// Keeps the bodies of large messages as files.
//
// The files are in DIRECTORY/body and are named by queue id. A file belongs to the queue once the
// database holds its message. A file without a message is an orphan of an interrupted reception; it
// is removed at the start, or when it has not been written to for `orphan_seconds`.
//
// All functions block: use offload.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline constexpr std::chrono::seconds orphan_seconds{3600};

class BodyFiles {
 public:
  /// Creates the directory if it does not exist. Error 451 with the reason.
  static Result<BodyFiles> open(const std::filesystem::path& directory);

  /// Creates an empty file, open for writing. Errors: 452 (no space), 451.
  Result<Descriptor> create(const QueueId& id) const;
  /// Opens an existing file for reading. Error 451.
  Result<Descriptor> open_to_read(const QueueId& id) const;
  /// The size of a file in bytes. Error 451 if it does not exist.
  Result<std::uint64_t> size(const QueueId& id) const;
  /// Makes the names of new files survive a power cut.
  Result<void> sync_directory() const;
  void remove(const QueueId& id) const;
  /// Removes the files that are not `is_known` and were not written to for `age`; returns how many.
  std::size_t remove_orphans(std::chrono::seconds age,
                             const std::function<bool(const QueueId&)>& is_known) const;

  /// Makes `directory` with hard links to all files.
  Result<void> link_all(const std::filesystem::path& directory) const;

  const std::filesystem::path& directory() const { return path_; }

  /// While it lives, remove() only notes the files; its end removes them.
  class Hold {
   public:
    explicit Hold(const BodyFiles& files);
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold();

   private:
    const BodyFiles& files_;
  };

  /// For Errors.
  static std::string name_of(const QueueId& id) { return "body file " + id.value(); }

 private:
  BodyFiles(std::filesystem::path path, Descriptor directory)
      : path_(std::move(path)),
        directory_(std::move(directory)),
        removals_(std::make_unique<Removals>()) {}

  struct Removals {  // of several threads
    std::mutex mutex;
    bool are_held = false;
    std::vector<QueueId> noted;
  };
  std::filesystem::path path_;
  Descriptor directory_;
  std::unique_ptr<Removals> removals_;
};

}  // namespace pennypost::smtp
