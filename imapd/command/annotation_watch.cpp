#include "imapd/command/annotation_watch.h"

#include <algorithm>
#include <functional>

#include "imapd/command/folder_changes.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t looked_at_together = 32;

std::size_t hash_of(const std::string& value) { return std::hash<std::string>()(value); }

// The names whose values are not the same, or that only one side has.
template <class Hashes>
std::vector<std::string> differences(const Hashes& before, const Hashes& now) {
  std::set<std::string> names;
  auto add = [&](const Hashes& from, const Hashes& other) {
    for (const auto& [name, hash] : from) {
      auto at = other.find(name);
      if (at == other.end() || at->second != hash) names.insert(name);
    }
  };
  add(before, now);
  add(now, before);
  return {names.begin(), names.end()};
}

}  // namespace

AnnotationWatch::AnnotationWatch(SessionContext& context, Event& wake)
    : context_(context), wake_(wake) {}

void AnnotationWatch::Files::stamp() {
  stamps.clear();
  looked_at_ns = store::wall_clock_ns();
  for (const auto& path : paths) stamps.push_back(store::FileStamp::of(path));
}

bool AnnotationWatch::Files::is_unchanged() const {
  Files now;
  now.paths = paths;
  now.stamp();
  auto is_settled = [&](const store::FileStamp& stamp) {
    return !stamp.exists() || stamp.settled(looked_at_ns);
  };
  return now.stamps == stamps && std::ranges::all_of(stamps, is_settled);
}

// The stamps are taken first: a change while the file is read is found at the next look.
Result<AnnotationWatch::Reading> AnnotationWatch::read(const Name& name) const {
  TRY(auto file, context_.store().annotations(name));
  Reading reading;
  reading.files.paths = file.paths();
  reading.files.stamp();
  TRY(auto annotations, file.read());
  for (const auto& [entry, value] : annotations) reading.values[entry] = hash_of(value);
  return reading;
}

Task<> AnnotationWatch::watch(const std::set<Name>& names) {
  std::erase_if(watched_, [&](const auto& item) { return !names.contains(item.first); });
  for (const auto& name : names) {
    auto& watched = watched_[name];
    if (watched.subscription) continue;
    auto watching = watch_one(name, watched);
    co_await std::move(watching);
    co_await context_.look_for_client();
  }
}

// The next look finds what came before the watch was set.
Task<> AnnotationWatch::watch_one(const Name& name, Watched& watched) {
  auto found = co_await context_.light_lane().offload([&] { return read(name); });
  watched.is_refused = !found && found.error().response_code() == ResponseCode::NoPerm;
  if (!found) co_return;
  watched.files = std::move(found->files);
  if (!watched.known) watched.known = std::move(found->values);
  // So that the next look reads the file in any case.
  watched.files.stamps.clear();
  std::set<std::string> directories;
  for (const auto& path : watched.files.paths) directories.insert(store::parent_of(path));
  std::vector<std::string> paths(directories.begin(), directories.end());
  watched.has_changed = true;
  watched.subscription = std::make_unique<ChangeHub::Subscription>(context_.worker().changes, paths,
                                                                   wake_, watched.has_changed);
}

// An entry never moves in memory: its subscription sets `has_changed` there.
void AnnotationWatch::rename(const store::MailboxName& from, const store::MailboxName& to,
                             char separator) {
  std::vector<std::pair<Name, Name>> renamed;
  for (const auto& [name, watched] : watched_) {
    auto target = name ? name_after_rename(*name, from, to, separator) : std::nullopt;
    if (target) renamed.emplace_back(name, target);
  }
  for (const auto& [old_name, name] : renamed) {
    auto node = watched_.extract(old_name);
    // Its files are elsewhere now.
    Watched moved;
    moved.known = std::move(node.mapped().known);
    node.mapped() = std::move(moved);
    node.key() = name;
    watched_.insert(std::move(node));
  }
}

bool AnnotationWatch::has_changed() const {
  return std::ranges::any_of(watched_, [](const auto& item) { return item.second.has_changed; });
}

// With mbox the annotations of all mailboxes are in one directory, and a change there concerns all:
// so many are looked at together.
Task<std::vector<AnnotationWatch::News>> AnnotationWatch::look() {
  std::vector<Item*> changed;
  for (auto& item : watched_) {
    if (std::exchange(item.second.has_changed, false)) changed.push_back(&item);
  }
  std::vector<News> news;
  for (std::size_t at = 0; at < changed.size(); at += looked_at_together) {
    auto count = std::min(looked_at_together, changed.size() - at);
    std::span<Item* const> some(&changed[at], count);
    auto found = co_await context_.light_lane().offload([&] { return look_at(some); });
    for (std::size_t i = 0; i < count; ++i) note(*some[i], std::move(found[i]), news);
    co_await context_.look_for_client();
  }
  co_return news;
}

// Most of what happens in the directory concerns other files.
std::vector<AnnotationWatch::Look> AnnotationWatch::look_at(std::span<Item* const> some) const {
  std::vector<Look> found;
  for (const auto* item : some) {
    if (item->second.files.is_unchanged()) {
      found.emplace_back(std::optional<Reading>());
    } else if (auto reading = read(item->first)) {
      found.emplace_back(std::optional(*std::move(reading)));
    } else {
      found.emplace_back(reading.error());
    }
  }
  return found;
}

void AnnotationWatch::note(Item& item, Look found, std::vector<News>& news) {
  auto& [name, watched] = item;
  if (!found) {
    // It is gone, perhaps to another name, or access is: watch() sets another watch.
    auto why = found.error().response_code();
    watched.is_refused = why == ResponseCode::NoPerm;
    if (watched.is_refused || why == ResponseCode::NonExistent) watched.subscription.reset();
    return;
  }
  if (!*found) return;
  auto& reading = **found;
  auto entries = differences(*watched.known, reading.values);
  watched.files = std::move(reading.files);
  watched.known = std::move(reading.values);
  if (!entries.empty()) news.push_back({name, std::move(entries)});
}

void AnnotationWatch::note_own(const Name& name, const store::AnnotationChanges& changes) {
  auto at = watched_.find(name);
  if (at == watched_.end() || !at->second.known) return;
  for (const auto& [entry, value] : changes) {
    if (value) {
      (*at->second.known)[entry] = hash_of(*value);
    } else {
      at->second.known->erase(entry);
    }
  }
}

std::vector<store::MailboxName> AnnotationWatch::refused() const {
  std::vector<store::MailboxName> names;
  for (const auto& [name, watched] : watched_) {
    if (name && watched.is_refused) names.push_back(*name);
  }
  return names;
}

}  // namespace pennypost::imap
