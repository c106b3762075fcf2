#include "smtpd/milter/milters.h"

namespace pennypost::smtp {

Milters::Milters(Loop& loop, std::vector<MilterSettings> list, const MilterMacros& macros,
                 MilterMacroValues values, Connect connect, const std::string& component)
    : values_(std::move(values)) {
  std::uint32_t number = 0;
  for (MilterSettings& settings : list) {
    auto connect_this = [connect, number] { return connect(number); };
    milters_.push_back(std::make_unique<Milter>(loop, std::move(settings), std::move(connect_this),
                                                macros, values_, component));
    ++number;
  }
}

Milters::~Milters() {
  for (auto& milter : milters_) milter->quit();
}

/// `ask` asks one milter. It is a parameter, so its captures live as long as this frame.
template <class Ask>
Task<MilterAnswer> Milters::ask(Ask ask) {
  MilterAnswer together;
  for (auto& milter : milters_) {
    auto asking = ask(*milter);
    MilterAnswer answer = co_await std::move(asking);
    if (!together.hold) together.hold = answer.hold;
    if (answer.kind == MilterAnswer::Kind::Continue) continue;
    together.kind = answer.kind;
    together.reply = std::move(answer.reply);
    break;
  }
  co_return std::move(together);
}

/// All are connected to, whatever one of them answers: which refuses is decided at MAIL.
Task<MilterAnswer> Milters::connect(MilterClient client) {
  MilterAnswer first;
  for (auto& milter : milters_) {
    auto asking = milter->connect(client);
    MilterAnswer answer = co_await std::move(asking);
    if (first.kind == MilterAnswer::Kind::Continue) first = std::move(answer);
  }
  co_return std::move(first);
}

Task<MilterAnswer> Milters::helo(std::string name) {
  auto asking = ask([&name](Milter& milter) { return milter.helo(name); });
  co_return co_await std::move(asking);
}

Task<MilterAnswer> Milters::mail(std::vector<std::string> words) {
  auto asking = ask([&words](Milter& milter) { return milter.mail(words); });
  co_return co_await std::move(asking);
}

Task<MilterAnswer> Milters::rcpt(std::vector<std::string> words) {
  auto asking = ask([&words](Milter& milter) { return milter.rcpt(words); });
  co_return co_await std::move(asking);
}

Task<> Milters::rcpt_refused(std::vector<std::string> words) {
  for (auto& milter : milters_) {
    if (!milter->wants_refused()) continue;
    auto asking = milter->rcpt(words);
    co_await std::move(asking);
  }
}

Task<MilterAnswer> Milters::data() {
  auto asking = ask([](Milter& milter) { return milter.data(); });
  co_return co_await std::move(asking);
}

Task<MilterAnswer> Milters::unknown(std::string line) {
  auto asking = ask([&line](Milter& milter) { return milter.unknown(line); });
  co_return co_await std::move(asking);
}

Task<MilterAnswer> Milters::message(MilteredMessage& message) {
  auto asking = ask([&message](Milter& milter) { return milter.message(message); });
  co_return co_await std::move(asking);
}

}  // namespace pennypost::smtp
