// Keeps the bodies of large messages as files.
//
// The files lie in DIRECTORY/body, named by their queue id. A file belongs to the queue once the
// database names its message; one that no message names is an orphan of an interrupted reception
// and is removed at the start, or when nothing was written to it for `orphan_seconds`.
//
// All functions block: use offload.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline constexpr std::chrono::seconds orphan_seconds{3600};

class BodyFiles {
 public:
  /// Creates the directory where there is none. Error 451 with the reason.
  static Result<BodyFiles> open(const std::filesystem::path& directory);

  /// A new, empty file to write to. Errors: 452 (no space), 451.
  Result<Descriptor> create(const QueueId& id) const;
  /// An existing one to read from. Error 451.
  Result<Descriptor> open_to_read(const QueueId& id) const;
  /// Its size. Error 451 where there is none.
  Result<std::uint64_t> size(const QueueId& id) const;
  /// Makes the names of new files survive a power cut.
  Result<void> sync_directory() const;
  void remove(const QueueId& id) const;
  /// Removes what `is_known` denies and nobody wrote to for `age`; returns how many.
  std::size_t remove_orphans(std::chrono::seconds age,
                             const std::function<bool(const QueueId&)>& is_known) const;

  const std::filesystem::path& directory() const { return path_; }

 private:
  BodyFiles(std::filesystem::path path, Descriptor directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}
  std::filesystem::path path_;
  Descriptor directory_;
};

/// All bytes of a range of a file. Error 451 when it is shorter.
Result<std::string> read_range(const Descriptor& file, std::uint64_t offset, std::uint64_t length);
/// Writes all bytes. Errors: 452 (no space), 451.
Result<void> write_all(const Descriptor& file, std::string_view bytes);

/// 452 where errno says that room or quota is used up, else 451; `what` names the deed.
Error file_error(const std::string& what, int number);

}  // namespace pennypost::smtp
