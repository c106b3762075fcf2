#include "common/async/inquiry.h"

namespace pennypost {

thread_local Inquiry* Inquiry::current_ = nullptr;

Result<void> Inquiry::may_ask(const SlowSource& source) const {
  auto refused = [&](const std::string& reason) {
    return Error::temporary("4.3.0", source.name() + ": " + reason);
  };
  if (asked_.size() >= inquiry_questions_max) {
    return refused("one request made more than " + std::to_string(inquiry_questions_max) +
                   " look-ups");
  }
  if (std::chrono::steady_clock::now() - begun_ > inquiry_time_max) {
    return refused("the look-ups of one request took longer than " +
                   std::to_string(inquiry_time_max.count()) + " s");
  }
  return {};
}

Task<> Inquiry::answer(Loop& loop) {
  for (auto& [question, call] : asked_) {
    co_await question.first->finish(loop, call);
  }
}

}  // namespace pennypost
