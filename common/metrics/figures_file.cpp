#include "common/metrics/figures_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

#include "common/metrics/layout.h"

namespace pennypost::metrics {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr mode_t file_mode = 0644;

void set_name(std::array<char, name_bytes_max + 1>& place, std::string_view name) {
  place.fill('\0');
  std::ranges::copy(name.substr(0, name_bytes_max), place.begin());
}

void empty(Slot& slot) {
  slot.pid.store(0, relaxed);
  slot.resident.store(0, relaxed);
  for (auto& gauge : slot.gauges) gauge.store(0, relaxed);
}

}  // namespace

std::string figures_path(const std::string& base_dir, std::string_view daemon) {
  return base_dir + "/" + std::string(daemon) + ".figures";
}

Result<void> FiguresFile::make(const std::string& base_dir, std::string_view daemon) {
  const std::string path = figures_path(base_dir, daemon);
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  Descriptor file(::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  auto failed = [&](const std::string& what) {
    auto error = Error::temporary(fresh + ": " + what + ": " + std::strerror(errno));
    ::unlink(fresh.c_str());
    return error;
  };
  if (!file) return failed("open");
  // On a full disk a page without a block would end the process that first counts in it.
  if (int problem = ::posix_fallocate(file.number(), 0, sizeof(Page)); problem != 0) {
    errno = problem;
    return failed("posix_fallocate");
  }
  void* memory =
      ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, file.number(), 0);
  if (memory == MAP_FAILED) return failed("mmap");
  auto* page = static_cast<Page*>(memory);  // a new file's bytes are zeros
  page->stamp = stamp;
  page->started = std::time(nullptr);
  bool is_in_place =
      ::fchmod(file.number(), file_mode) == 0 && std::rename(fresh.c_str(), path.c_str()) == 0;
  if (!is_in_place) return failed("rename");
  page_ = page;
  current().counters = page->counters.data();
  return {};
}

std::optional<std::size_t> FiguresFile::take() {
  if (page_ == nullptr) return std::nullopt;
  for (std::size_t tried = 0; tried < processes_max; ++tried) {
    std::size_t place = (next_ + tried) % processes_max;
    Slot& slot = page_->slots[place];
    if (slot.pid.load(relaxed) != 0) continue;
    next_ = place + 1;
    slot.pid.store(-1, relaxed);
    return place;
  }
  return std::nullopt;
}

void FiguresFile::enter(std::optional<std::size_t> place, std::string_view kind) {
  if (page_ == nullptr || !place) return;
  Slot& slot = page_->slots[*place];
  set_name(slot.kind, kind);
  slot.pid.store(::getpid(), relaxed);
  current().slot = &slot;
}

void FiguresFile::give_back(std::size_t place) {
  if (page_ != nullptr) empty(page_->slots[place]);
}

void FiguresFile::tell_certificate(std::string_view service, std::int64_t not_after) {
  if (page_ == nullptr || certificates_ == certificates_max) return;
  Certificate& told = page_->certificates[certificates_++];
  told.not_after.store(not_after, relaxed);
  set_name(told.service, service);
}

void FiguresFile::forget_certificates() {
  if (page_ == nullptr) return;
  for (auto& told : page_->certificates) set_name(told.service, "");
  certificates_ = 0;
}

Result<FiguresView> FiguresView::map(const Descriptor& file) {
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) {
    return Error::temporary(std::string("fstat: ") + std::strerror(errno));
  }
  bool has_size = status.st_size == static_cast<off_t>(sizeof(Page));
  void* memory = has_size ? ::mmap(nullptr, sizeof(Page), PROT_READ, MAP_SHARED, file.number(), 0)
                          : MAP_FAILED;
  if (memory == MAP_FAILED) {
    return Error::permanent("the figures are of another version; restart the daemon");
  }
  FiguresView view(static_cast<const Page*>(memory));
  if (view.page().stamp != stamp) {
    return Error::permanent("the figures are of another version; restart the daemon");
  }
  return view;
}

FiguresView::FiguresView(FiguresView&& other) noexcept
    : page_(std::exchange(other.page_, nullptr)) {}

FiguresView::~FiguresView() {
  if (page_ != nullptr) ::munmap(const_cast<Page*>(page_), sizeof(Page));
}

}  // namespace pennypost::metrics
