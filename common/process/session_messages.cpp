#include "common/process/session_messages.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pennypost::control {
namespace {

Task<Result<ListSessions::Answer>> list_sessions(const SessionList& list,
                                                 std::vector<std::string> words) {
  CO_TRY(auto masks, SessionMasks::parse(words));
  ListSessions::Answer answer;
  answer.sessions = list.all(masks);
  co_return answer;
}

Task<Result<EndSessions::Answer>> end_sessions(SessionList& list, std::vector<std::string> words) {
  CO_TRY(auto masks, SessionMasks::parse(words));
  EndSessions::Answer answer;
  answer.count = list.end(masks);
  co_return answer;
}

}  // namespace

void add_sessions(ListSessions::Answer& all, ListSessions::Answer more) {
  auto room = sessions_told_max - std::min(all.sessions.size(), sessions_told_max);
  more.sessions.resize(std::min(more.sessions.size(), room));
  std::ranges::move(more.sessions, std::back_inserter(all.sessions));
}

void serve_session_list(Services& services, SessionList& list) {
  services.on<ListSessions>([&list](ListSessions asked, std::vector<Descriptor>) {
    return list_sessions(list, std::move(asked.masks));
  });
  services.on<EndSessions>([&list](EndSessions asked, std::vector<Descriptor>) {
    return end_sessions(list, std::move(asked.masks));
  });
}

}  // namespace pennypost::control
