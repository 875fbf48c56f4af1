mod live;
mod model;
mod plans;
