#include "common/process/port.h"

#include <doctest/doctest.h>
#include <unistd.h>

using namespace pennypost;

namespace {

struct Twice {
  static constexpr std::uint16_t type = 900;
  struct Answer {
    std::string text;
    template <class Archive>
    void fields(Archive& archive) {
      archive(text);
    }
  };
  using Reply = Answer;
  std::string text;
  template <class Archive>
  void fields(Archive& archive) {
    archive(text);
  }
};

Task<Result<Twice::Answer>> twice(Twice ask, std::vector<Descriptor> descriptors) {
  if (ask.text == "refuse") {
    co_return Error(552, EnhancedStatus("5.3.4"), ResponseCode::Limit, "too much").told("no more");
  }
  Twice::Answer answer;
  answer.text = ask.text + ask.text + std::to_string(descriptors.size());
  co_return std::move(answer);
}

/// What tells the asker its own number.
struct WhoAmI {
  static constexpr std::uint16_t type = 901;
  using Reply = Twice::Answer;
  template <class Archive>
  void fields(Archive&) {}
};

Task<Result<Twice::Answer>> who(WhoAmI, std::vector<Descriptor>, ProcessNumber from) {
  Twice::Answer answer;
  answer.text = std::to_string(from.value());
  co_return std::move(answer);
}

struct TwoProcesses {
  TwoProcesses() : port(loop, "twice"), tasks(loop) {
    there.on<Twice>(twice);
    there.on<WhoAmI>(who);
    auto [a, b] = socket_pair();
    auto link = std::make_shared<Link>(loop, std::move(a), here, ProcessNumber(2));
    port.add(link);
    tasks.start(link->run());
    server = std::make_unique<Link>(loop, std::move(b), there, ProcessNumber(1));
    serving = std::make_unique<Nursery>(loop);
    serving->start(server->run());
  }
  Loop loop;
  Services here;
  Services there;
  Port port;
  Nursery tasks;
  std::unique_ptr<Link> server;
  std::unique_ptr<Nursery> serving;
};

Task<Result<Twice::Answer>> ask(Port& port, std::string text, int descriptors = 0) {
  Twice request;
  request.text = std::move(text);
  std::vector<Descriptor> beside;
  for (int i = 0; i < descriptors; ++i) beside.emplace_back(dup(0));
  auto work = port.call(std::move(request), std::move(beside));
  co_return co_await std::move(work);
}

/// What holds answers back.
struct Gate {
  explicit Gate(Loop& loop) : opened(loop) {}
  Event opened;
  bool is_open = false;
};

Task<Result<Twice::Answer>> when_open(Gate& gate) {
  while (!gate.is_open) co_await gate.opened.wait();
  co_return Twice::Answer();
}

Task<> ask_who(Port& port, bool& is_answered) {
  auto work = port.call(WhoAmI());
  auto answer = co_await std::move(work);
  is_answered = answer.has_value();
}

Task<> until(Loop& loop, const bool& condition) {
  while (!condition) co_await loop.sleep(Duration(1));
}

}  // namespace

TEST_CASE("a process that has announced its leaving is asked for nothing new") {
  TwoProcesses two;
  CHECK(two.port.has_peer());
  two.loop.run_until(two.server->announce_leaving());
  CHECK_FALSE(two.port.has_peer());
}

TEST_CASE("a process may not leave while somebody waits for its answer, and may afterwards") {
  TwoProcesses two;
  Gate gate(two.loop);
  two.there.on<WhoAmI>([&](WhoAmI, std::vector<Descriptor>) { return when_open(gate); });
  bool is_answered = false;
  two.tasks.start(ask_who(two.port, is_answered));
  CHECK_FALSE(two.loop.run_until(two.server->ask_to_leave()));
  CHECK(two.port.has_peer());
  CHECK_FALSE(two.server->is_settled());
  gate.is_open = true;
  gate.opened.notify_all();
  two.loop.run_until(until(two.loop, is_answered));
  CHECK(two.loop.run_until(two.server->ask_to_leave()));
  CHECK_FALSE(two.port.has_peer());
  CHECK(two.server->is_settled());
}

TEST_CASE("a request is answered across a socketpair, with descriptors beside it") {
  TwoProcesses two;
  auto answer = two.loop.run_until(ask(two.port, "ab", 2));
  REQUIRE(answer);
  CHECK(answer->text == "abab2");
}

TEST_CASE("a message larger than the socket's buffer arrives whole") {
  TwoProcesses two;
  std::string large(5'000'000, 'x');
  auto answer = two.loop.run_until(ask(two.port, large));
  REQUIRE(answer);
  CHECK(answer->text.size() == 10'000'001);
}

TEST_CASE("an error crosses with its codes and texts") {
  TwoProcesses two;
  auto answer = two.loop.run_until(ask(two.port, "refuse"));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == 552);
  CHECK(answer.error().response_code() == ResponseCode::Limit);
  CHECK(answer.error().status() == EnhancedStatus("5.3.4"));
  CHECK(answer.error().text() == "too much");
  CHECK(answer.error().client_text() == "no more");
}

TEST_CASE("who serves learns from the link which process asks") {
  TwoProcesses two;
  auto answer = two.loop.run_until(two.port.call(WhoAmI()));
  REQUIRE(answer);
  CHECK(answer->text == "1");
}

TEST_CASE("what is not served to this kind of process is a temporary error") {
  TwoProcesses two;
  auto [a, b] = socket_pair();
  Services of_others;
  auto link = std::make_shared<Link>(two.loop, std::move(a), two.here, ProcessNumber(2));
  Port port(two.loop, "twice");
  port.add(link);
  two.tasks.start(link->run());
  Link server(two.loop, std::move(b), of_others, ProcessNumber(1));
  two.tasks.start(server.run());
  auto answer = two.loop.run_until(ask(port, "ab"));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().is_temporary());
  two.tasks.cancel();
}

TEST_CASE("a peer that dies while asked is a temporary error") {
  TwoProcesses two;
  two.serving.reset();
  two.server.reset();
  auto answer = two.loop.run_until(ask(two.port, "ab"));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().is_temporary());
}
