#include "imapd/session/progress.h"

namespace pennypost::imap {

StillWorking::StillWorking(SessionContext& context, std::string_view text)
    : context_(context), text_(text), ended_(context.loop()), telling_(context.loop()) {
  telling_.start(tell());
}

Task<> StillWorking::until_ended() {
  while (!is_over_) co_await ended_.wait();
}

Task<> StillWorking::tell() {
  try {
    while (!is_over_) {
      auto ending = until_ended();
      bool has_ended =
          co_await within(context_.loop(), context_.sign_interval(), std::move(ending));
      if (has_ended) co_return;
      co_await context_.give_sign_of_life(text_);
    }
  } catch (const Disconnected&) {
    // The command itself finds out when it answers.
  }
}

Task<> StillWorking::end() {
  is_over_ = true;
  ended_.notify_all();
  co_await telling_.join();
}

}  // namespace pennypost::imap
