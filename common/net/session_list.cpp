#include "common/net/session_list.h"

#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/text.h"

namespace pennypost {
namespace {

/// Only digits, dots, colons and what networks have besides: no user's name looks so.
bool looks_like_network(std::string_view word) {
  bool has_mark = word.find_first_of(".:") != word.npos;
  return has_mark && std::ranges::all_of(word, [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' ||
                  c == ':' || c == '/' || c == '[' || c == ']';
         });
}

}  // namespace

Result<SessionMasks> SessionMasks::parse(const std::vector<std::string>& words) {
  SessionMasks masks;
  for (const auto& word : words) {
    auto network = Network::parse(word);
    if (network) {
      masks.networks_.push_back(*network);
    } else if (looks_like_network(word)) {
      return std::move(network).error();
    } else {
      masks.users_.push_back(lower(word));
    }
  }
  return masks;
}

bool SessionMasks::has(const OpenSession& session) const {
  auto user = lower(session.user);
  bool is_user = users_.empty() || std::ranges::any_of(users_, [&](const std::string& mask) {
                   return ::fnmatch(mask.c_str(), user.c_str(), 0) == 0;
                 });
  if (!is_user || networks_.empty()) return is_user;
  auto client = IpAddress::parse(session.client);
  return client && std::ranges::any_of(networks_, [&](const Network& network) {
           return network.contains(*client);
         });
}

SessionList::Stay::Stay(SessionList& list, OpenSession session, std::function<void()> end) {
  enter(list, std::move(session), std::move(end));
}

void SessionList::Stay::enter(SessionList& list, OpenSession session, std::function<void()> end) {
  leave();
  session.pid = ::getpid();
  list.entries_.push_back({std::move(session), std::move(end)});
  list_ = &list;
  entry_ = std::prev(list.entries_.end());
}

void SessionList::Stay::leave() {
  if (list_ != nullptr) list_->entries_.erase(entry_);
  list_ = nullptr;
}

std::vector<OpenSession> SessionList::all(const SessionMasks& masks) const {
  std::vector<OpenSession> found;
  for (const auto& entry : entries_) {
    if (found.size() == sessions_told_max) break;
    if (masks.has(entry.session)) found.push_back(entry.session);
  }
  return found;
}

std::uint64_t SessionList::end(const SessionMasks& masks) {
  // A session may leave the list while it is ended.
  std::vector<std::function<void()>> ends;
  for (auto& entry : entries_) {
    if (entry.end && masks.has(entry.session)) ends.push_back(std::exchange(entry.end, nullptr));
  }
  for (const auto& each : ends) each();
  return ends.size();
}

}  // namespace pennypost
