// Keeps a daemon's figures in a file of base_dir, mapped into all of its processes.
//
// The master makes `NAME.figures` at its start; who reads it, sees the figures as they change. All
// on this host may read it. If it can't be made, as on a full disk, each process counts for itself,
// and the log says so.
//
// LIMITS  processes_max processes have a place; those beyond it count, but are not listed
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/descriptor.h"
#include "common/base/result.h"

namespace pennypost::metrics {

struct Page;

/// The path of a daemon's figures.
std::string figures_path(const std::string& base_dir, std::string_view daemon);

/// The master's side; what is mapped stays so until the process ends.
class FiguresFile {
 public:
  FiguresFile() = default;
  FiguresFile(const FiguresFile&) = delete;
  FiguresFile& operator=(const FiguresFile&) = delete;

  /// Makes the file anew; from now on this process counts in it.
  Result<void> make(const std::string& base_dir, std::string_view daemon);
  /// A place for a process that is about to be forked; nothing if all are taken.
  std::optional<std::size_t> take();
  /// In the new process: its gauges are in this place from now on.
  void enter(std::optional<std::size_t> place, std::string_view kind);
  /// When the process is gone.
  void give_back(std::size_t place);

  /// Tells when the certificate of a service ends, in seconds since 1970. Those told before are
  /// forgotten by forget_certificates().
  void tell_certificate(std::string_view service, std::int64_t not_after);
  void forget_certificates();

 private:
  Page* page_ = nullptr;
  std::size_t next_ = 0;          // where the search for a free place begins
  std::size_t certificates_ = 0;  // how many are told
};

/// A reader's side: the figures of one daemon.
class FiguresView {
 public:
  /// Error: the file is not one of this build's.
  static Result<FiguresView> map(const Descriptor& file);
  FiguresView(FiguresView&& other) noexcept;
  FiguresView& operator=(FiguresView&&) = delete;
  ~FiguresView();
  const Page& page() const { return *page_; }

 private:
  explicit FiguresView(const Page* page) : page_(page) {}
  const Page* page_;
};

}  // namespace pennypost::metrics
