#include "smtpd/reports/daily_lines.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "common/base/day.h"
#include "common/base/file.h"
#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

/// Only what cannot lead out of the directory.
bool is_file_name(std::string_view domain) {
  return !domain.empty() && domain.size() <= 253 && domain.front() != '.' &&
         std::ranges::all_of(domain, [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_';
         });
}

Error full(std::string what) { return Error(452, "4.3.1", std::move(what)); }

}  // namespace

Result<void> DailyLines::add(const std::string& domain, const std::string& line,
                             std::int64_t now_seconds) {
  if (!is_file_name(domain)) {
    return Error(501, "\"" + printable(domain, 300) + "\" is no domain in lower case");
  }
  std::lock_guard guard(mutex_);
  TRY_DO(begin(day_of(now_seconds)));
  if (full_.contains(domain)) return full("no more is kept of " + domain + " today");
  bool is_new = !sizes_.contains(domain);
  if (is_new && sizes_.size() >= daily_domains_max) {
    return full(what_ + " of " + std::to_string(daily_domains_max) +
                " domains are kept today; those of further ones are not reported");
  }
  if (bytes_ + line.size() > daily_bytes_max) {
    return full(directory_ + " holds " + std::to_string(daily_bytes_max) + " bytes; further " +
                what_ + " are not reported");
  }
  auto path = path_of({day_, domain});
  auto& size = sizes_[domain];
  if (size + line.size() > daily_file_bytes_max) {
    TRY(auto left, shrink(path));
    bytes_ -= std::min(bytes_, size - std::min(size, left));
    size = left;
    // Otherwise each of the next ones would have it made smaller again.
    if (size > daily_file_bytes_max / 2) {
      full_.insert(domain);
      return full("the " + what_ + " of " + domain + " fill " + path +
                  "; further ones of today are not reported");
    }
  }
  TRY(auto file, open_file(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600));
  TRY_DO(write_all(file.number(), line, path));
  size += line.size();
  bytes_ += line.size();
  return {};
}

/// At the first row of a day: what is there already, of that day and of others.
Result<void> DailyLines::begin(const std::string& day) {
  if (day == day_) return {};
  TRY_DO(make_directory(directory_));
  TRY_DO(make_directory(directory_ + "/" + day));
  sizes_.clear();
  full_.clear();
  bytes_ = 0;
  std::error_code problem;
  for (fs::recursive_directory_iterator at(directory_, problem), end; !problem && at != end;
       at.increment(problem)) {
    std::error_code none;
    if (!at->is_regular_file(none)) continue;
    auto size = at->file_size(none);
    if (none) continue;
    bytes_ += size;
    if (at->path().parent_path().filename() == day) sizes_[at->path().filename()] = size;
  }
  if (problem) return file_error("read", directory_, problem.value());
  day_ = day;
  return {};
}

/// Returns the file's new size.
Result<std::uint64_t> DailyLines::shrink(const std::string& path) const {
  TRY(auto text, read_file(path, 2 * daily_file_bytes_max));
  auto shorter = shorten_(text.value_or(""));
  auto beside = fs::path(path).parent_path().string() + "/.new";
  TRY(auto file, open_file(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  TRY_DO(write_all(file.number(), shorter, beside));
  TRY_DO(sync_file(file.number(), beside));
  if (::rename(beside.c_str(), path.c_str()) != 0) return file_error("rename", beside);
  return shorter.size();
}

Result<std::vector<DailyLines::Collection>> DailyLines::closed(std::int64_t now_seconds) const {
  std::lock_guard guard(mutex_);
  std::vector<Collection> found;
  std::error_code problem;
  const auto today = day_of(now_seconds);
  for (const auto& day : fs::directory_iterator(directory_, problem)) {
    std::string name = day.path().filename();
    if (!begin_of_day(name) || name >= today) continue;
    std::error_code none;
    for (const auto& file : fs::directory_iterator(day.path(), none)) {
      std::string domain = file.path().filename();
      if (is_file_name(domain)) found.push_back({name, std::move(domain)});
    }
  }
  bool is_there = problem != std::errc::no_such_file_or_directory;
  if (problem && is_there) return file_error("read", directory_, problem.value());
  std::ranges::sort(found, {}, [](const Collection& one) { return one.day + " " + one.domain; });
  return found;
}

Result<std::string> DailyLines::read(const Collection& collection) const {
  std::lock_guard guard(mutex_);
  TRY(auto text, read_file(path_of(collection), 2 * daily_file_bytes_max));
  return text.value_or("");
}

Result<void> DailyLines::drop(const Collection& collection) {
  std::lock_guard guard(mutex_);
  auto path = path_of(collection);
  std::error_code none;
  auto size = fs::file_size(path, none);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_error("remove", path);
  if (!none) bytes_ -= std::min<std::uint64_t>(bytes_, size);
  auto day = directory_ + "/" + collection.day;
  ::unlink((day + "/.new").c_str());
  ::rmdir(day.c_str());  // if it was the last
  return {};
}

std::string DailyLines::path_of(const Collection& collection) const {
  return directory_ + "/" + collection.day + "/" + collection.domain;
}

}  // namespace pennypost::smtp
