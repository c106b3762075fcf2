#include "smtpd/commands/reload.h"

#include <algorithm>
#include <list>

#include "common/async/nursery.h"
#include "common/process/control.h"
#include "smtpd/commands/master_link.h"

namespace pennypost::smtp {
namespace {

constexpr std::chrono::seconds answer_time_max{90};

/// The connection to one daemon.
class Conversation {
 public:
  Conversation(Loop& loop, std::string daemon, Descriptor socket)
      : loop_(loop),
        answer_{std::move(daemon), Error::temporary("has not answered")},
        link_(loop, std::move(socket), services_, master_process) {}

  Task<> listen() { co_await link_.run(); }

  template <class Request>
  Task<> ask() {
    auto work = link_.call(Request::type, wire::encode(Request()), {});
    auto reply = co_await within(loop_, answer_time_max, std::move(work));
    if (!reply) {
      answer_.result = Error::temporary("no answer within " +
                                        std::to_string(answer_time_max.count()) + " seconds");
    } else if (*reply) {
      answer_.result = Result<void>();
    } else {
      answer_.result = Error((*reply).error());
    }
  }

  const ReloadAnswer& answer() const { return answer_; }

 private:
  Loop& loop_;
  Services services_;
  ReloadAnswer answer_;
  Link link_;
};

template <class Request>
Task<> ask_all(Loop& loop, std::list<Conversation>& conversations) {
  Nursery asking(loop);
  for (auto& conversation : conversations) asking.start(conversation.ask<Request>());
  co_await asking.join();
}

std::vector<ReloadAnswer> answers_of(const std::list<Conversation>& conversations) {
  std::vector<ReloadAnswer> answers;
  for (const auto& conversation : conversations) answers.push_back(conversation.answer());
  return answers;
}

Task<std::vector<ReloadAnswer>> converse(Loop& loop, std::list<Conversation>& conversations) {
  Nursery listening(loop);
  for (auto& conversation : conversations) listening.start(conversation.listen());
  auto trying = ask_all<control::TryReload>(loop, conversations);
  co_await std::move(trying);
  auto answers = answers_of(conversations);
  if (!is_all_taken(answers)) co_return answers;
  auto committing = ask_all<control::CommitReload>(loop, conversations);
  co_await std::move(committing);
  co_return answers_of(conversations);
}

}  // namespace

std::vector<ReloadAnswer> reload_daemons(const std::string& base_dir,
                                         const std::vector<std::string>& daemons) {
  Loop loop;
  std::list<Conversation> conversations;
  std::vector<ReloadAnswer> unreached;
  for (const auto& daemon : daemons) {
    auto socket = connect_to_master(base_dir, daemon);
    if (socket) {
      conversations.emplace_back(loop, daemon, *std::move(socket));
    } else {
      unreached.push_back({daemon, socket.error()});
    }
  }
  if (!unreached.empty()) return unreached;
  return loop.run_until(converse(loop, conversations));
}

bool is_all_taken(const std::vector<ReloadAnswer>& answers) {
  return std::ranges::all_of(answers, [](const auto& one) { return one.result.has_value(); });
}

}  // namespace pennypost::smtp
