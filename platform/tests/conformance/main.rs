//! Holds the four backends to the contract of `Poller`: the public kit's cases as `epoll::…`, `kqueue::…`, `poll::…` and `select::…`,
//! and beside them what one mechanism does in a way of its own as `epoll_itself::…` and so on. One that cannot run is ignored and
//! says why.
//!
//! `README.md` beside this file says what each case is for; `catalogue.rs` fails when it, the contract and the cases disagree.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

mod catalogue;
#[cfg(target_os = "linux")]
mod faults;
mod mechanisms;

/// What only one mechanism does, or only some: by file, the numbers of the contract, the backends, whether other cases may run
/// beside it (`itself`: it sees to that and to its being watched), and its name. `faults` are of Linux alone.
macro_rules! with_the_list {
    ($stamp:ident! $arguments:tt) => {
        $stamp! {
            $arguments
            mechanisms {
                [9] [epoll kqueue poll select] alone descriptors_closed_without_delete_are_counted;
                [25] [epoll kqueue poll select] shared only_mechanisms_with_a_descriptor_show_one;
                [11] [epoll kqueue poll select] shared hints_are_told_by_those_that_know_them;
                [3] [epoll kqueue] alone a_modify_of_a_closed_number_changes_nothing;
                [9] [epoll kqueue poll select] alone a_modify_of_a_closed_number_is_told_by_those_that_ask_the_kernel;
                [5] [epoll] alone a_modify_of_a_number_that_names_a_regular_file_by_now_is_unsupported;
                [25] [epoll] alone an_outer_epoll_loses_a_set_that_was_built_anew;
                [25] [epoll] shared a_loop_of_pollers_is_refused;
                [28] [epoll] alone a_forked_child_shares_the_set_of_epoll;
                [26] [epoll kqueue poll select] itself no_case_leaves_a_descriptor_open;
            }
            faults {
                [20] [epoll poll select] shared without_nanoseconds_a_timeout_is_still_never_early;
                [23] [epoll poll select] shared an_error_of_the_wait_is_told_and_leaves_no_events;
                [19] [epoll poll select] shared an_interrupted_wait_is_no_error;
                [3] [epoll] shared an_add_for_which_the_kernel_has_no_room_changes_nothing;
                [3] [epoll] shared a_modify_that_the_kernel_refuses_changes_nothing;
                [3] [epoll] shared a_delete_that_the_kernel_refuses_changes_nothing;
                [26] [epoll] shared opening_fails_with_the_kernels_error;
                [3] [poll] alone more_registrations_than_numbers_allowed_are_an_error_that_loses_nothing;
            }
        }
    };
}

/// Both modules of one backend, ignored where the system does not have it.
macro_rules! backend {
    ($kit:ident $itself:ident $variant:ident [$($lacks:ident)*] absent($when:meta)) => {
        ringmq_platform::conformance!(
            $kit,
            || ringmq_platform::Backend::$variant.open(),
            lacks $($lacks)*,
            ignored($when, "this system does not have it")
        );
        mod $itself {
            with_the_list!(stamps! { $kit $variant [cfg_attr($when, ignore = "this system does not have it")] });
        }
    };
}

macro_rules! stamps {
    ({ $kit:ident $variant:ident $absent:tt }
     $($file:ident { $([$($number:literal)*] $backends:tt $company:ident $case:ident;)* })*) => {
        $($(stamp! { $kit $backends $variant $absent $file $company $case })*)*
    };
}

/// A test where the backend is among those that the case is about.
macro_rules! stamp {
    (epoll [epoll $($rest:ident)*] $($test:tt)*) => { test! { $($test)* } };
    (kqueue [kqueue $($rest:ident)*] $($test:tt)*) => { test! { $($test)* } };
    (poll [poll $($rest:ident)*] $($test:tt)*) => { test! { $($test)* } };
    (select [select $($rest:ident)*] $($test:tt)*) => { test! { $($test)* } };
    ($kit:ident [$other:ident $($rest:ident)*] $($test:tt)*) => { stamp! { $kit [$($rest)*] $($test)* } };
    ($kit:ident [] $($test:tt)*) => {};
}

macro_rules! test {
    ($variant:ident [$absent:meta] faults $company:ident $case:ident) => {
        #[cfg(target_os = "linux")]
        test! { $variant [$absent] (faults) $company $case }
    };
    ($variant:ident [$absent:meta] mechanisms $company:ident $case:ident) => {
        test! { $variant [$absent] (mechanisms) $company $case }
    };
    ($variant:ident [$absent:meta] ($file:ident) $company:ident $case:ident) => {
        #[test]
        #[$absent]
        fn $case() {
            run! { $company $case crate::$file::$case(ringmq_platform::Backend::$variant) }
        }
    };
}

macro_rules! run {
    (itself $case:ident $body:expr) => {
        $body
    };
    ($company:ident $case:ident $body:expr) => {{
        use ringmq_platform::conformance::support::{run, test_name, Company};
        let name = test_name(concat!(module_path!(), "::", stringify!($case)));
        run(name, Company::$company, || $body);
    }};
}

/// The numbers of the contract, the backends, and the name of each case of the list.
macro_rules! table {
    (() $($file:ident { $([$($number:literal)*] [$($backend:ident)*] $company:ident $case:ident;)* })*) => {
        const OWN_CASES: &[(&[usize], &[&str], &str)] =
            &[$($((&[$($number),*], &[$(stringify!($backend)),*], stringify!($case)),)*)*];
    };
}

with_the_list!(table!());

macro_rules! kqueue {
    ($is_here:meta) => {
        backend!(kqueue kqueue_itself Kqueue [priority linux] absent(not($is_here)));
    };
}

backend!(epoll epoll_itself Epoll [] absent(not(any(target_os = "linux", target_os = "android"))));
ringmq_platform::where_kqueue_is!(kqueue! {});
backend!(poll poll_itself Poll [edge descriptor] absent(any()));
backend!(select select_itself Select [edge descriptor] absent(any()));
