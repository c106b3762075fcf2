#include "common/session/guest_list.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "common/async/nursery.h"

using namespace pennypost;

namespace {

/// Waits for ever, unless it is sent away.
struct Session final : Guest {
  Session(std::string called, std::string& journal, bool is_known)
      : name(std::move(called)), said(journal), has_logged_in(is_known) {}
  bool is_stranger() const override { return !has_logged_in; }
  void say_no_room() override { said += "bye " + name + "; "; }
  std::string name;
  std::string& said;
  bool has_logged_in;
};

struct Room {
  Loop loop;
  GuestList list{loop};
  Event never{loop};
  std::string said;
  Nursery sessions{loop};

  Task<> wait_for_ever() { co_await never.wait(); }
  Task<> hold(std::string name, bool has_logged_in) {
    Session session(name, said, has_logged_in);
    GuestList::Stay stay(list, session);
    auto work = wait_for_ever();
    bool has_ended = co_await stay.serve(std::move(work));
    said += has_ended ? "ended " + name + "; " : "gone " + name + "; ";
  }
  void turn() {
    auto rest = [](Loop& on) -> Task<> { co_await on.sleep(Duration(1)); };
    loop.run_until(rest(loop));
  }
};

}  // namespace

TEST_CASE("the oldest stranger is sent away, and those who have logged in stay") {
  Room room;
  room.sessions.start(room.hold("first", true));
  room.sessions.start(room.hold("second", false));
  room.sessions.start(room.hold("third", false));
  CHECK(room.list.size() == 3);
  CHECK(room.list.send_oldest_away());
  CHECK(room.said == "bye second; ");
  CHECK(room.list.send_oldest_away());
  CHECK_FALSE(room.list.send_oldest_away());
  room.turn();
  CHECK(room.said == "bye second; bye third; gone second; gone third; ");
  CHECK(room.list.size() == 1);
}

TEST_CASE("who ends by itself leaves the list, and those who wait for room are told") {
  Room room;
  bool was_told = false;
  auto wait = [](Room& in, bool& told) -> Task<> {
    co_await in.list.left().wait();
    told = true;
  };
  room.sessions.start(room.hold("only", false));
  room.sessions.start(wait(room, was_told));
  room.never.notify_all();
  room.turn();
  CHECK(room.said == "ended only; ");
  CHECK(was_told);
  CHECK(room.list.size() == 0);
  CHECK_FALSE(room.list.send_oldest_away());
}
