// Reloads a file when it has changed; all tables that are read from files use this.
//
// The file's `stamp` is checked once per interval, and at the next use after looks_asked has grown;
// if it differs from the last one, `load` reads the file. Content is shared and never changed, so a
// look-up under way keeps the content it began with.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "store/maps/map.h"

namespace pennypost::store {

/// Inode, size and modification time of a file, as text; "absent" if there is none.
std::string file_stamp(const std::string& path);

template <class Content>
class Reloading {
 public:
  using Stamp = std::function<std::string()>;
  using Load = std::function<Result<std::shared_ptr<const Content>>()>;

  Reloading(const MapOptions& options, Stamp stamp, Load load)
      : options_(options), stamp_(std::move(stamp)), load_(std::move(load)) {}

  /// The stamp of what content() gives now; empty if that is older than the file.
  std::string stamp() const {
    (void)content();
    std::lock_guard lock(mutex_);
    return content_ && !problem_ ? seen_.value_or("") : "";
  }

  /// The newest content that could be read; Error: none could yet.
  Result<std::shared_ptr<const Content>> content() const {
    std::lock_guard lock(mutex_);
    auto now = options_.clock->now();
    auto asked = options_.looks_asked ? options_.looks_asked->load() : 0;
    bool is_due = !checked_at_ || now - *checked_at_ >= options_.check_interval ||
                  now < *checked_at_ || asked != asked_;
    asked_ = asked;
    if (is_due) check(now);
    if (content_) return content_;
    return *problem_;
  }

 private:
  void check(Microseconds now) const {
    checked_at_ = now;
    auto stamp = stamp_();
    if (seen_ == stamp && !problem_) return;
    auto loaded = load_();
    bool is_news = seen_ != stamp;
    seen_ = std::move(stamp);
    if (loaded) {
      content_ = std::move(*loaded);
      problem_.reset();
      return;
    }
    problem_ = loaded.error();
    if (is_news && options_.on_problem) {
      options_.on_problem(problem_->text() + (content_ ? "; the old table stays in use" : ""));
    }
  }

  MapOptions options_;
  Stamp stamp_;
  Load load_;
  mutable std::mutex mutex_;
  mutable std::optional<Microseconds> checked_at_;
  mutable std::uint64_t asked_ = 0;
  mutable std::optional<std::string> seen_;
  mutable std::shared_ptr<const Content> content_;
  mutable std::optional<Error> problem_;
};

}  // namespace pennypost::store
